"""Who logged in is read page by page, within bounds; what the org does not show is said, and is not nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import pytest

from rotator.core.usage.login_rows import LoginRow, RowMeaning
from rotator.errors import OrgError
from rotator.net.shapes import Fields
from rotator.salesforce import rest
from rotator.salesforce.access.login_history import MOST_USERS, LoginHistory, LoginsHidden
from rotator.simulator.org.users import Client
from rotator.simulator.wire.faults import Kind
from tests.unit.salesforce.conftest import CONSUMER, ROBOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.salesforce.session import OrgSession
    from rotator.simulator.org.org import Org

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def history(production: Org, open_session: Callable[..., OrgSession]) -> LoginHistory:
    session = open_session(production)
    session.ensure_open()
    return LoginHistory(session)


@pytest.fixture
def user_id(production: Org) -> str:
    return production.users[CONSUMER].id


def test_a_row_tells_who_logged_in_from_where_and_how_it_went(
    history: LoginHistory, production: Org, user_id: str
) -> None:
    production.record_login("Billing", CONSUMER, "Success", client=Client("192.0.2.7", "billing/4.1"))
    production.record_login("Billing", CONSUMER, "invalid_client: no", is_unsigned=True)
    refused, accepted = history.read([user_id], LONG_AGO).rows
    assert (accepted.user_id, accepted.address, accepted.application) == (user_id, "192.0.2.7", "Billing")
    assert (accepted.client, accepted.type) == ("billing/4.1", "Remote Access 2.0")
    assert datetime.now(UTC) - accepted.at < timedelta(minutes=1)
    assert [row.meaning() for row in (accepted, refused)] == [RowMeaning.ACCEPTED, RowMeaning.WRONG_KEY]
    assert refused.client == ""


def test_only_the_rows_of_these_users_since_then_are_read(history: LoginHistory, production: Org, user_id: str) -> None:
    production.record_login("Billing", CONSUMER, "Success")
    assert {row.user_id for row in history.read([user_id], LONG_AGO).rows} == {user_id}
    both = [user_id, production.users[ROBOT].id]
    assert {row.user_id for row in history.read(both, LONG_AGO).rows} == set(both)
    assert history.read(both, datetime.now(UTC) + timedelta(hours=1)).rows == ()


def test_all_pages_are_read_up_to_a_bound_and_the_rest_is_not_asked_for(
    history: LoginHistory, production: Org, user_id: str
) -> None:
    production.settings = replace(production.settings, query_batch=10)
    for _ in range(45):
        production.record_login("Billing", CONSUMER, "Success")
    whole = history.read([user_id], LONG_AGO)
    assert (len(whole.rows), whole.is_cut, len({row.id for row in whole.rows})) == (45, False, 45)
    before = production.calls[Kind.DATA]
    part = history.read([user_id], LONG_AGO, most=15)
    assert (part.rows, part.is_cut) == (whole.rows[:15], True)
    assert production.calls[Kind.DATA] - before == 2


def test_nobody_is_asked_about_nobody(history: LoginHistory, production: Org) -> None:
    before = production.calls.total()
    assert history.read([], LONG_AGO).rows == ()
    assert production.calls.total() == before


@pytest.mark.parametrize("wrong", ["", "005", "' OR Id != '", "005000000000001AAé"])
def test_what_is_no_id_is_sent_to_nobody(history: LoginHistory, wrong: str) -> None:
    with pytest.raises(ValueError, match="is no id of a user"):
        history.read([wrong], LONG_AGO)


def test_a_query_is_of_so_many_users_at_the_most(history: LoginHistory) -> None:
    with pytest.raises(ValueError, match="at most 200 users"):
        history.read([f"005{number:012}" for number in range(MOST_USERS + 1)], LONG_AGO)


def test_ids_of_users_are_found_by_their_names(history: LoginHistory, production: Org) -> None:
    for number in range(60):
        production.add_user(f"user{number}@rotator.example")
    wanted = [f"user{number}@rotator.example" for number in range(60)]
    found = history.user_ids([*wanted, CONSUMER.upper(), "o'hara\\@rotator.example"])
    assert found == {CONSUMER.upper(): production.users[CONSUMER].id} | {
        name: production.users[name].id for name in wanted
    }


def test_a_hidden_history_is_said_with_the_permission(history: LoginHistory, production: Org, user_id: str) -> None:
    production.settings = replace(production.settings, hidden_types=("LoginHistory",))
    with pytest.raises(LoginsHidden, match="production does not show who logs in") as told:
        history.read([user_id], LONG_AGO)
    assert "Monitor Login History" in told.value.hint
    assert told.value.effect


def test_without_the_permission_the_rows_of_others_are_missing_without_a_word(
    history: LoginHistory, production: Org, user_id: str
) -> None:
    production.settings = replace(production.settings, logins_of_others_shown=False)
    production.record_login("Billing", CONSUMER, "Success")
    robot = production.users[ROBOT].id
    assert {row.user_id for row in history.read([user_id, robot], LONG_AGO).rows} == {robot}


@pytest.mark.parametrize("application", ["label", "client_id", "none"])
def test_what_a_refused_row_has_as_its_application_is_a_setting_of_the_org(
    history: LoginHistory, production: Org, user_id: str, application: Literal["label", "client_id", "none"]
) -> None:
    production.settings = replace(production.settings, signature_failure_application=application)
    production.record_login("Billing", CONSUMER, "invalid_grant: invalid assertion")
    [row] = history.read([user_id], LONG_AGO).rows
    shown = {"label": "Billing", "client_id": production.app("Billing").client_id, "none": ""}
    assert row.application == shown[application]


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("Success", RowMeaning.ACCEPTED),
        ("Failed: Signature Invalid", RowMeaning.WRONG_KEY),
        ("Failed: Signature Invalid/Configured Certificate Mismatch", RowMeaning.WRONG_KEY),
        ("invalid_grant: invalid assertion", RowMeaning.WRONG_KEY),
        ("User is locked out", RowMeaning.OTHER),
        ("Login rate exceeded", RowMeaning.OTHER),
        ("Failed: Invalid Token", RowMeaning.OTHER),
        ("", RowMeaning.OTHER),
    ],
)
def test_the_words_of_a_row_tell_whether_the_key_was_wrong(status: str, meaning: RowMeaning) -> None:
    row = LoginRow("0Ya1", "005000000000001", LONG_AGO, status, "192.0.2.7", "Billing", "")
    assert row.meaning() is meaning


def test_further_words_for_a_wrong_key_can_be_given() -> None:
    row = LoginRow("0Ya1", "005000000000001", LONG_AGO, "JWT Not Valid", "192.0.2.7", "Billing", "")
    assert row.meaning() is RowMeaning.OTHER
    assert row.meaning(["jwt not valid"]) is RowMeaning.WRONG_KEY


def test_a_time_that_is_none_is_an_answer_that_is_none(
    history: LoginHistory, user_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [Fields({"Id": "0Ya1", "UserId": user_id, "LoginTime": "2026-11-23T12:00:00"})]
    monkeypatch.setattr(rest, "pages", lambda *_args: iter([rows]))
    with pytest.raises(OrgError, match="does not answer like the REST API: LoginTime is no time"):
        history.read([user_id], LONG_AGO)
