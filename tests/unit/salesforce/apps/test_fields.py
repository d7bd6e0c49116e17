"""Two readings of a component are compared field by field."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rotator.salesforce.apps.fields import Change, changes, flatten

NOTHING: frozenset[str] = frozenset()

values = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
groups = st.dictionaries(st.sampled_from("abc"), values, max_size=3)
components = st.dictionaries(
    st.sampled_from(["label", "oauthConfig", "profileName", "ipRanges"]),
    values | groups | st.lists(st.text(max_size=3), max_size=3) | st.lists(groups, max_size=3),
)


def test_every_field_has_a_path() -> None:
    component = {"label": "A", "oauthConfig": {"isAdminApproved": True, "scopes": ["Web", "Api"], "certificate": None}}
    assert flatten(component) == {
        "label": "A",
        "oauthConfig.isAdminApproved": "True",
        "oauthConfig.scopes": "Api",
        "oauthConfig.scopes[1]": "Web",
    }


def test_a_change_says_what_was_and_what_is() -> None:
    found = changes(
        {"label": "A", "oauthConfig": {"isAdminApproved": True}, "iconUrl": None},
        {"label": "B", "oauthConfig": {"isAdminApproved": False}, "profileName": ["X"]},
        ignoring=NOTHING,
    )
    assert list(map(str, found)) == [
        "label: A -> B",
        "oauthConfig.isAdminApproved: True -> False",
        "profileName: nothing -> X",
    ]


def test_a_long_value_is_shown_in_part() -> None:
    assert str(Change("description", "x" * 100, "")) == f"description: {'x' * 60}... -> nothing"


def test_the_order_of_a_list_is_no_change() -> None:
    before = {"ipRanges": [{"start": "1.1.1.1", "end": "1.1.1.2"}, {"start": "2.2.2.2", "end": "2.2.2.3"}]}
    after = {"ipRanges": list(reversed(before["ipRanges"]))}
    assert changes(before, after, ignoring=NOTHING) == []


def test_an_entry_that_a_list_lost_is_a_change() -> None:
    assert changes({"profileName": ["A", "B"]}, {"profileName": ["A"]}, ignoring=NOTHING)


def test_an_entry_that_joins_a_single_one_is_the_only_change() -> None:
    found = changes({"scopes": "Api"}, {"scopes": ["Web", "Api"]}, ignoring=NOTHING)
    assert list(map(str, found)) == ["scopes[1]: nothing -> Web"]


def test_a_field_to_be_ignored_is() -> None:
    before, after = {"oauthConfig": {"certificate": "A"}}, {"oauthConfig": {"certificate": "B"}}
    assert changes(before, after, ignoring=frozenset({"oauthConfig.certificate"})) == []


@given(components)
def test_a_component_does_not_differ_from_itself(component: dict[str, object]) -> None:
    assert changes(component, component, ignoring=NOTHING) == []


@given(components, components)
def test_whatever_differs_is_found_from_either_side(one: dict[str, object], other: dict[str, object]) -> None:
    there, back = changes(one, other, ignoring=NOTHING), changes(other, one, ignoring=NOTHING)
    assert [(each.field, each.was, each.now) for each in there] == [(each.field, each.now, each.was) for each in back]
    assert (flatten(one) == flatten(other)) == (there == [])


def test_blanks_around_a_text_are_no_change_as_the_org_takes_them_off() -> None:
    before = {"description": " Sends invoices. \n", "contactPhone": "  ", "oauthConfig": {"scopes": ["Api ", "Web"]}}
    after = {"description": "Sends invoices.", "oauthConfig": {"scopes": ["Api", "Web"]}}
    assert changes(before, after, ignoring=NOTHING) == []
    assert changes(before, {**after, "description": "Sends  invoices."}, ignoring=NOTHING)
