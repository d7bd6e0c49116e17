"""The little of SOQL that monitoring scripts ask."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.simulator.rest.query import more, query
from rotator.simulator.rest.tables import TABLES, TOOLING_TABLES
from tests.unit.simulator.helpers import START

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from tests.unit.simulator.helpers import StandingClock


def ask(org: Org, text: str) -> Any:
    return json.loads(query(org, text, TABLES, "/services/data/v63.0/query").body)


def tool(org: Org, text: str) -> Any:
    return json.loads(query(org, text, TOOLING_TABLES, "/services/data/v63.0/tooling/query").body)


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
    assert query(org, text, TABLES, "").status == 400
    assert ask(org, text)[0]["errorCode"] == code


class TestCertificates:
    """Of Certificate and Key Management (Tooling API, Certificate)."""

    def test_they_have_a_date_without_a_time_and_no_content(self, org: Org) -> None:
        made = org.add_certificate("Signing", START + timedelta(days=365))
        [row] = tool(org, "SELECT Id, MasterLabel, ExpirationDate, KeySize, OptionsIsUnusable FROM Certificate")[
            "records"
        ]
        assert row == {
            "attributes": {"type": "Certificate"},
            "Id": made.id,
            "MasterLabel": "Signing",
            "ExpirationDate": "2027-11-23",
            "KeySize": 2048,
            "OptionsIsUnusable": False,
        }
        assert made.id.startswith("0P1")
        assert tool(org, "SELECT Body FROM Certificate")[0]["errorCode"] == "INVALID_FIELD"
        assert ask(org, "SELECT Id FROM Certificate")[0]["errorCode"] == "INVALID_TYPE"

    def test_those_that_were_deleted_may_come_back(self, org: Org, clock: StandingClock) -> None:
        text = "SELECT Id, CreatedDate FROM Certificate ORDER BY CreatedDate DESC"
        old = org.add_certificate("Signing", START)
        org.delete_certificate("Signing")
        clock.advance(60)
        new = org.add_certificate("Signing", START + timedelta(days=365))
        assert [row["Id"] for row in tool(org, text)["records"]] == [new.id, old.id]
        org.settings = replace(org.settings, deleted_rows_in_queries=False)
        assert [row["Id"] for row in tool(org, text)["records"]] == [new.id]

    def test_those_without_a_date_come_first_in_the_order_of_dates(self, org: Org) -> None:
        for name, days in (("Late", 90), ("Soon", 3)):
            org.add_certificate(name, START + timedelta(days=days))
        org.add_certificate("Requested", None, unusable=True)
        found = tool(org, "SELECT DeveloperName, ExpirationDate FROM Certificate ORDER BY ExpirationDate")["records"]
        assert [row["DeveloperName"] for row in found] == ["Requested", "Soon", "Late"]
        assert found[0]["ExpirationDate"] is None

    def test_many_rows_come_in_several_answers(self, org: Org) -> None:
        org.settings = replace(org.settings, query_batch=2)
        for number in range(5):
            org.add_certificate(f"Number_{number}", START)
        page, names = tool(org, "SELECT DeveloperName FROM Certificate"), []
        assert (page["totalSize"], page["done"]) == (5, False)
        while not page["done"]:
            names += [row["DeveloperName"] for row in page["records"]]
            page = json.loads(more(org, page["nextRecordsUrl"]).body)
        names += [row["DeveloperName"] for row in page["records"]]
        assert names == [f"Number_{number}" for number in range(5)]
        assert (
            json.loads(more(org, "/services/data/v63.0/query/01g0-2").body)[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
        )

    def test_who_may_not_see_them_is_told_that_there_is_no_such_object(self, org: Org) -> None:
        org.settings = replace(org.settings, hidden_types=("Certificate",))
        assert tool(org, "SELECT Id FROM Certificate")[0]["errorCode"] == "INVALID_TYPE"
