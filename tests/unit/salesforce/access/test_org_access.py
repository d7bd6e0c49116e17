"""What lets a user in is taken away and given back as it was, also what came by a group of permission sets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.lifecycle.revocation import AccessGrant, GivenBy
from rotator.errors import OrgError
from rotator.net.shapes import Fields
from rotator.salesforce.access.org_access import OrgAccess
from rotator.salesforce.access.org_records import OrgRecords
from rotator.salesforce.login import log_in
from rotator.salesforce.record_values import quoted
from tests.unit.salesforce.conftest import CONSUMER, Pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.salesforce.apps.org_apps import OrgApps
    from rotator.salesforce.session import OrgSession
    from rotator.simulator.org.org import Org
    from tests.near_orgs import NearTransport

GROUP = {
    "Id": "0Pa000000000001AAA",
    "AssigneeId": "005000000000001AAA",
    "Assignee": {"Username": CONSUMER, "IsActive": True},
    "PermissionSetId": "0PS000000000001AAA",
    "PermissionSetGroupId": "0PG000000000001AAA",
    "PermissionSet": {"Label": "Everything of billing", "IsOwnedByProfile": False},
}


@pytest.fixture
def access(production: Org, near: NearTransport, open_session: Callable[..., OrgSession], apps: OrgApps) -> OrgAccess:
    return OrgAccess(open_session(production, over=near), apps)


def test_a_group_is_taken_from_the_user_and_given_back(
    access: OrgAccess, apps: OrgApps, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Any] = []
    select = OrgRecords.select

    def selected(records: OrgRecords, text: str) -> list[Fields]:
        return [Fields(GROUP)] if "FROM PermissionSetAssignment" in text else select(records, text)

    monkeypatch.setattr(OrgRecords, "select", selected)
    monkeypatch.setattr(OrgRecords, "delete", lambda _records, *what: done.append(what))
    monkeypatch.setattr(OrgRecords, "create", lambda _records, *what: done.append(what))
    app = apps.read("Billing")
    assert app
    [grant] = access.grants(app, CONSUMER)
    assert str(grant) == "the permission set group Everything of billing, for Billing"
    access.withdraw(grant)
    access.give_back(grant)
    assert done == [
        ("PermissionSetAssignment", "0Pa000000000001AAA"),
        (
            "PermissionSetAssignment",
            {"AssigneeId": "005000000000001AAA", "PermissionSetGroupId": "0PG000000000001AAA"},
        ),
    ]


def test_an_app_of_more_users_than_can_be_read_is_taken_from_one(
    production: Org, access: OrgAccess, apps: OrgApps, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        production.add_user(f"user{number}@rotator.example", permission_sets=("Everybody",))
    production.users[CONSUMER].permission_sets = ("Everybody",)
    production.app("Billing").assign([], ["Everybody"])
    monkeypatch.setattr("rotator.salesforce.rest.MOST_ROWS", 5)
    app = apps.read("Billing")
    assert app
    [grant] = access.grants(app, CONSUMER)
    access.withdraw(grant)
    assert access.grants(app, CONSUMER) == ()
    assert production.users["user0@rotator.example"].permission_sets == ("Everybody",)


def test_who_else_loses_an_app_is_known_of_a_profile_and_of_nobody_else(
    production: Org, access: OrgAccess, apps: OrgApps
) -> None:
    production.add_user("second@rotator.example")
    app = apps.read("Billing")
    assert app
    [grant] = access.grants(app, CONSUMER)
    assert (grant.given_by, access.others(grant, CONSUMER)) == (GivenBy.PROFILE, ("second@rotator.example",))
    assert access.others(AccessGrant("Billing", grant.app_id, GivenBy.POLICY), CONSUMER) is None
    assert access.others(AccessGrant("Billing", grant.app_id, GivenBy.PERMISSION_SET), CONSUMER) == ()
    assert not access.is_own(grant)


def test_a_session_names_the_app_that_it_was_opened_through(
    production: Org, near: NearTransport, access: OrgAccess, apps: OrgApps, pair: Pair, target: Any
) -> None:
    log_in(near, target(production, production.app("Billing")), pair.key, datetime.now(UTC))
    user = production.users[CONSUMER]
    production.start_password_session(user)
    app = apps.read("Billing")
    assert app
    [found] = access.sessions(app, CONSUMER)
    assert found.application == "Billing"


def test_an_id_that_is_none_is_no_address(records: OrgRecords) -> None:
    with pytest.raises(OrgError, match="is none"):
        records.delete("AuthSession", "../../oauth2/revoke")


@pytest.mark.parametrize(
    ("text", "literal"), [("o'brien", "'o\\'brien'"), ("a\\", "'a\\\\'"), ("a\nb", "'a\\nb'"), ("plain", "'plain'")]
)
def test_a_text_of_others_ends_no_literal(text: str, literal: str) -> None:
    assert quoted(text) == literal
