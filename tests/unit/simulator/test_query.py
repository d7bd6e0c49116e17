"""The little of SOQL that monitoring scripts ask."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rotator.simulator.query import query

if TYPE_CHECKING:
    from rotator.simulator.org import Org


def ask(org: Org, text: str) -> Any:
    return json.loads(query(org, text).body)


def test_records_have_their_type_and_the_fields_that_were_asked_for(org: Org) -> None:
    answer = ask(org, "select id, IsSandbox from Organization")
    assert answer == {
        "totalSize": 1,
        "done": True,
        "records": [{"attributes": {"type": "Organization"}, "Id": org.id, "IsSandbox": False}],
    }


def test_conditions_and_limits_choose_rows(org: Org) -> None:
    named = ask(
        org,
        "SELECT Name FROM ConnectedApplication WHERE Name = 'Billing' AND OptionsAllowAdminApprovedUsersOnly = true",
    )
    assert [record["Name"] for record in named["records"]] == ["Billing"]
    assert ask(org, "SELECT Id FROM User LIMIT 1")["totalSize"] == 1
    assert ask(org, "SELECT Id FROM User WHERE IsActive = false")["totalSize"] == 0


def test_logins_are_rows_of_the_login_history(org: Org) -> None:
    org.record_login("Billing", "billing@acme.example", "Success")
    [row] = ask(org, "SELECT UserId, Application, Status, LoginTime FROM LoginHistory")["records"]
    assert (row["UserId"], row["Application"], row["Status"]) == (
        org.users["billing@acme.example"].id,
        "Billing",
        "Success",
    )
    assert row["LoginTime"] == "2026-11-23T12:00:00.000+0000"


def test_what_a_badly_signed_login_leaves_in_the_history_is_a_setting(org: Org) -> None:
    org.record_login("Billing", "billing@acme.example", "invalid_grant: invalid assertion")
    [row] = ask(org, "SELECT Status FROM LoginHistory")["records"]
    assert row["Status"] == "Failed: Signature Invalid"
    org.settings = replace(org.settings, signature_failure_status=None)
    assert ask(org, "SELECT Status FROM LoginHistory")["records"] == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "MALFORMED_QUERY"),
        ("DELETE everything", "MALFORMED_QUERY"),
        ("SELECT Id FROM User WHERE Name LIKE 'a'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Rocket", "INVALID_TYPE"),
        ("SELECT Colour FROM User", "INVALID_FIELD"),
        ("SELECT Id FROM LoginHistory WHERE Application = 'Billing'", "INVALID_FIELD"),
    ],
)
def test_a_query_that_cannot_be_answered_is_an_error(org: Org, text: str, code: str) -> None:
    assert query(org, text).status == 400
    assert ask(org, text)[0]["errorCode"] == code
