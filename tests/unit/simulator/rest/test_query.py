"""Queries, and the objects that they are about (facts 7.1 to 7.5)."""

# ruff: noqa: S608 - the queries go to the simulated org

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.simulator.rest.resources import answer_data
from rotator.simulator.rest.tables import TABLES
from rotator.simulator.wire.request import Request
from tests.unit.simulator.helpers import START, session_of

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from tests.unit.simulator.helpers import StandingClock

BASE = "/services/data/v63.0"


def get(org: Org, path: str, session: str = "", **query: str) -> tuple[int, Any]:
    """GET of a resource as the management user, or with another session."""
    headers = {"authorization": f"Bearer {session or session_of(org)}"}
    request = Request("GET", path, query, headers)
    answer = answer_data(org, request, path.removeprefix("/services/data/").strip("/").split("/"))
    return answer.status, json.loads(answer.body)


def ask(org: Org, text: str) -> Any:
    return get(org, f"{BASE}/query", q=text)[1]


def tool(org: Org, text: str) -> Any:
    return get(org, f"{BASE}/tooling/query", q=text)[1]


def test_records_have_their_type_and_the_fields_that_were_asked_for(org: Org) -> None:
    answer = ask(org, "select id, IsSandbox from Organization")
    assert answer == {
        "totalSize": 1,
        "done": True,
        "records": [
            {
                "attributes": {"type": "Organization", "url": f"{BASE}/sobjects/Organization/{org.id}"},
                "Id": org.id,
                "IsSandbox": False,
            }
        ],
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
        ("SELECT Id FROM User WHERE Name ! 'a'", "MALFORMED_QUERY"),
        ("SELECT Id FROM User WHERE IsActive = true AND Name = 'a' OR Name = 'b'", "MALFORMED_QUERY"),
        ("SELECT Id FROM User LIMIT", "MALFORMED_QUERY"),
        ("SELECT Id, Name FROM User GROUP BY Name", "MALFORMED_QUERY"),
        ("SELECT Id, CALENDAR_YEAR(CreatedDate) FROM User", "MALFORMED_QUERY"),
        ("SELECT CreatedDate, COUNT(Id) FROM User GROUP BY CreatedDate", "MALFORMED_QUERY"),
        ("SELECT COUNT(Id) FROM User GROUP BY Name HAVING Username = 'a'", "MALFORMED_QUERY"),
        ("SELECT SUM(Name) FROM User", "MALFORMED_QUERY"),
        ("SELECT MIN(IsActive) FROM User", "MALFORMED_QUERY"),
        ("SELECT Id FROM User WHERE COUNT(Id) > 1", "MALFORMED_QUERY"),
        ("SELECT Id FROM User WHERE ProfileId IN (SELECT COUNT(Id) FROM Profile)", "MALFORMED_QUERY"),
        ("SELECT Name, (SELECT COUNT(Id) FROM Users) FROM Profile", "MALFORMED_QUERY"),
        ("SELECT Name, (SELECT Id FROM Users) FROM Profile GROUP BY Name", "MALFORMED_QUERY"),
        ("SELECT Name, (SELECT Colour__c FROM Users) FROM Profile", "INVALID_FIELD"),
        ("SELECT Id FROM User WHERE CALENDAR_YEAR(Name) = 2026", "INVALID_FIELD"),
        ("SELECT Id FROM Rocket__c", "INVALID_TYPE"),
        ("SELECT Id FROM ScratchOrgInfo", "INVALID_TYPE"),
        ("SELECT Colour FROM ConnectedApplication", "INVALID_FIELD"),
        ("SELECT Colour__c FROM User", "INVALID_FIELD"),
        ("SELECT Id FROM User WHERE IsActive = 'yes'", "INVALID_FIELD"),
        ("SELECT Id FROM LoginHistory WHERE LoginTime > 5", "INVALID_FIELD"),
        ("SELECT Id FROM LoginHistory WHERE Application = 'Billing'", "INVALID_FIELD"),
        ("SELECT Id, Name, id FROM User", "INVALID_FIELD"),
        ("SELECT Id FROM User WHERE Id LIKE '005%'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM User WHERE ProfileId IN (null, '00e00000000000', null)", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM User OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
        ("SELECT Id FROM LoginHistory WHERE Status = 'Success'", "INVALID_FIELD"),
        ("SELECT Id FROM UserLicense WHERE UsedLicenses > 1", "INVALID_FIELD"),
    ],
)
@pytest.mark.fact("7.3a")
def test_a_query_that_cannot_be_answered_is_an_error(org: Org, text: str, code: str) -> None:
    status, body = get(org, f"{BASE}/query", q=text)
    assert (status, body[0]["errorCode"]) == (400, code)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT Id FROM Account",
        "SELECT Id, Division FROM User",
        "SELECT Id, (SELECT Id FROM LoginHistories) FROM User",
        "SELECT Id FROM User WHERE Alias INCLUDES ('a')",
        "SELECT toLabel(Alias) FROM User",
        "SELECT Id FROM User FOR VIEW",
        "SELECT Id FROM User ALL ROWS",
        "SELECT Id FROM User USING SCOPE mine",
        "SELECT Id FROM User WITH SECURITY_ENFORCED",
        "SELECT COUNT(Id) FROM User HAVING COUNT(Id) > 1",
        "SELECT COUNT(Id) FROM User GROUP BY ROLLUP(Name)",
        "SELECT toLabel(Name) FROM User",
        "SELECT FIELDS(ALL) FROM User LIMIT 1",
        "SELECT Id FROM User WHERE FISCAL_YEAR(CreatedDate) = 2026",
        "SELECT CALENDAR_YEAR(convertTimezone(CreatedDate)) FROM User",
        "SELECT FORMAT(CreatedDate) FROM User",
        "SELECT Id FROM User WHERE DISTANCE(Address, GEOLOCATION(37, 122), 'mi') < 20",
        "SELECT GROUPING(Name), COUNT(Id) FROM User GROUP BY Name",
        "SELECT COUNT(Id) FROM User GROUP BY CUBE(Name)",
        "SELECT Id FROM User WHERE CreatedDate = LAST_FISCAL_YEAR",
        "SELECT u.Id FROM User u, u.Profile p",
        "SELECT TYPEOF Owner WHEN User THEN Id END FROM User",
    ],
)
def test_what_is_not_simulated_says_so_and_is_nobodys_mistake(org: Org, text: str) -> None:
    status, body = get(org, f"{BASE}/query", q=text)
    assert (status, body[0]["errorCode"]) == (501, "SIMULATOR_UNSUPPORTED")


@pytest.mark.parametrize(
    ("path", "query"),
    [("query", {"explain": "SELECT Id FROM User"}), ("sobjects/User/updated", {}), ("sobjects/User/deleted", {})],
)
def test_nor_is_what_the_rest_api_has_beside_them(org: Org, path: str, query: dict[str, str]) -> None:
    status, body = get(org, f"{BASE}/{path}", **query)
    assert (status, body[0]["errorCode"]) == (501, "SIMULATOR_UNSUPPORTED")


@pytest.mark.parametrize(
    "condition",
    [
        f"{'(' * 3000}Id = null{')' * 3000}",
        f"{'NOT ' * 3000}Id = null",
        "Id IN (SELECT UserId FROM OauthToken WHERE " * 900 + "Id = null" + ")" * 900,
    ],
)
def test_a_query_nested_deeper_than_it_is_read_says_so(org: Org, condition: str) -> None:
    status, body = get(org, f"{BASE}/query", q=f"SELECT Id FROM User WHERE {condition}")
    assert (status, body[0]["errorCode"]) == (501, "SIMULATOR_UNSUPPORTED")


def test_a_query_nested_as_deep_as_may_be_is_answered(org: Org) -> None:
    assert ask(org, f"SELECT Id FROM User WHERE {'NOT(' * 24}Id != null{')' * 24}")["totalSize"] == len(org.users)


@pytest.mark.parametrize(
    ("pattern", "found"), [("%" * 40 + "!", 0), ("%a" * 40 + "%", 1), ("a%aa%@%e", 1), ("%_a%pl_", 1), ("a%b%a", 0)]
)
def test_a_pattern_of_many_wildcards_ends(org: Org, pattern: str, found: int) -> None:
    name = f"{'a' * 40}@acme.example"
    org.add_user(name)
    query = f"SELECT Id FROM User WHERE Username = '{name}' AND Username LIKE '{pattern}'"
    assert ask(org, query)["totalSize"] == found


@pytest.mark.parametrize("end", ["", "/"])
def test_rows_and_pages_are_found_by_the_addresses_told_whether_the_path_ends_with_a_stroke(org: Org, end: str) -> None:
    org.settings = replace(org.settings, query_batch=1)
    first = get(org, f"{BASE}/query{end}", q="SELECT Id FROM User")[1]
    [row] = first["records"]
    assert get(org, row["attributes"]["url"])[1]["Id"] == row["Id"]
    assert get(org, first["nextRecordsUrl"] + end)[1]["records"]


def test_a_row_without_an_id_is_told_no_address(org: Org) -> None:
    [row] = ask(org, "SELECT Id FROM OauthToken")["records"]
    assert row == {"attributes": {"type": "OauthToken"}, "Id": None}


class TestCertificates:
    """Of Certificate and Key Management (Tooling API, Certificate)."""

    @pytest.mark.fact("6c")
    def test_they_have_a_date_without_a_time_and_no_content(self, org: Org) -> None:
        made = org.add_certificate("Signing", START + timedelta(days=365))
        [row] = tool(org, "SELECT Id, MasterLabel, ExpirationDate, KeySize, OptionsIsUnusable FROM Certificate")[
            "records"
        ]
        assert row == {
            "attributes": {"type": "Certificate", "url": f"{BASE}/tooling/sobjects/Certificate/{made.id}"},
            "Id": made.id,
            "MasterLabel": "Signing",
            "ExpirationDate": "2027-11-23",
            "KeySize": 2048,
            "OptionsIsUnusable": False,
        }
        assert made.id.startswith("0P1")
        assert get(org, row["attributes"]["url"])[1]["Id"] == made.id
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
            _, page = get(org, page["nextRecordsUrl"])
        names += [row["DeveloperName"] for row in page["records"]]
        assert names == [f"Number_{number}" for number in range(5)]
        for locator in ("01g0-2", "nothing"):
            assert get(org, f"{BASE}/query/{locator}")[1][0]["errorCode"] == "INVALID_QUERY_LOCATOR"

    def test_who_may_not_see_them_is_told_that_there_is_no_such_object(self, org: Org) -> None:
        org.settings = replace(org.settings, hidden_types=("Certificate",))
        assert tool(org, "SELECT Id FROM Certificate")[0]["errorCode"] == "INVALID_TYPE"


class TestRows:
    """They follow what really happened in the org."""

    def test_fields_of_other_objects_are_inside_records_of_their_own(self, org: Org) -> None:
        [row] = ask(org, "SELECT Name, Profile.Name FROM User WHERE Profile.Name LIKE 'system%'")["records"]
        assert row["Profile"]["Name"] == "System Administrator"
        assert row["Profile"]["attributes"]["type"] == "Profile"

    @pytest.mark.fact("7.2a")
    def test_a_login_makes_a_token_row_and_later_ones_count_it_up(self, org: Org, clock: StandingClock) -> None:
        user = org.users["billing@acme.example"]
        org.start_session(user, org.app("Billing"))
        clock.advance(60)
        org.start_session(user, org.app("Billing"))
        text = "SELECT Id, UseCount, CreatedDate, LastUsedDate, DeleteToken FROM OauthToken WHERE AppName = 'Billing'"
        [row] = ask(org, text)["records"]
        assert (row["Id"], row["UseCount"]) == (None, 2)
        assert row["CreatedDate"] < row["LastUsedDate"]
        assert ask(org, "SELECT AppMenuItemId FROM OauthToken WHERE AppName = 'Billing'")["records"][0]["AppMenuItemId"]

    @pytest.mark.fact("7.2b", "7.3d")
    def test_who_may_not_administer_the_org_sees_the_own_rows_only(self, org: Org) -> None:
        session = session_of(org, "billing@acme.example", "Billing")
        session_of(org)
        for name, user in (("Management", "admin@acme.example"), ("Billing", "billing@acme.example")):
            org.record_login(name, user, "Success")
        for table, field in (("OauthToken", "AppName"), ("LoginHistory", "Application")):
            _, body = get(org, f"{BASE}/query", session, q=f"SELECT {field} FROM {table}")
            assert [row[field] for row in body["records"]] == ["Billing"]

    def test_who_was_given_an_app_can_be_followed_to_the_users(self, org: Org) -> None:
        made = org.add_external_app("Shipping", username="admin@acme.example")
        access = "SELECT ParentId FROM SetupEntityAccess WHERE SetupEntityType = 'ExternalClientApplication'"
        assert ask(org, access)["totalSize"] == 1
        assigned = f"SELECT Assignee.Username FROM PermissionSetAssignment WHERE PermissionSetId IN ({access})"
        assert [row["Assignee"]["Username"] for row in ask(org, assigned)["records"]] == ["admin@acme.example"]
        item = ask(org, f"SELECT Label FROM AppMenuItem WHERE ApplicationId = '{made.id}'")["records"]
        assert [row["Label"] for row in item] == ["Shipping"]
        text = f"SELECT DeveloperName, CreatedBy.Username FROM ExternalClientApplication WHERE Id = '{made.id[:15]}'"
        assert ask(org, text)["records"][0]["DeveloperName"] == "Shipping"

    def test_rows_come_with_those_that_lead_to_them(self, org: Org) -> None:
        text = "SELECT Name, (SELECT Username FROM Users ORDER BY Username DESC LIMIT 1) FROM Profile ORDER BY Name"
        org.add_user("alone@acme.example", profile="Auditor")
        org.add_user("another@acme.example", profile="Auditor")
        shown = {row["Name"]: row["Users"] for row in ask(org, text)["records"]}
        assert [row["Username"] for row in shown["Auditor"]["records"]] == ["another@acme.example"]
        assert (shown["Auditor"]["totalSize"], shown["Auditor"]["done"]) == (1, True)
        text = (
            "SELECT Name, (SELECT AssigneeId FROM Assignments), (SELECT SetupEntityType FROM SetupEntityAccessItems) "
        )
        rows = ask(org, text + "FROM PermissionSet WHERE Profile.Name = 'Auditor'")["records"]
        assert [(row["Assignments"]["totalSize"], row["SetupEntityAccessItems"]) for row in rows] == [(2, None)]

    @pytest.mark.fact("7.3a")
    def test_logins_are_counted_by_application(self, org: Org) -> None:
        for outcome in ("Success", "Success", "invalid_grant: invalid assertion"):
            org.record_login("Billing", "billing@acme.example", outcome)
        text = "SELECT Application, Status, COUNT(Id) times FROM LoginHistory GROUP BY Application, Status"
        text += " ORDER BY COUNT(Id)"
        rows = ask(org, text)["records"]
        assert [(row["Status"], row["times"]) for row in rows] == [("Failed: Signature Invalid", 1), ("Success", 2)]
        assert ask(org, "SELECT COUNT() FROM LoginHistory") == {"totalSize": 3, "done": True, "records": []}
        assert ask(org, "SELECT COUNT(Id) FROM LoginHistory")["records"][0]["expr0"] == 3

    @pytest.mark.parametrize(
        ("condition", "found"),
        [
            ("LoginTime = TODAY", 1),
            ("LoginTime < TODAY", 0),
            ("LoginTime = LAST_N_DAYS:3", 1),
            ("LoginTime = YESTERDAY", 0),
            ("LoginTime >= THIS_MONTH", 1),
            ("LoginTime > LAST_YEAR", 1),
            ("LoginTime >= 2026-11-23T12:00:00Z", 1),
            ("LoginTime > 2026-11-23T14:00:00+02:00", 0),
            ("LoginTime != NEXT_N_DAYS:3", 1),
        ],
    )
    def test_times_are_compared_with_times_and_ranges_of_days(self, org: Org, condition: str, found: int) -> None:
        org.record_login("Billing", "billing@acme.example", "Success")
        assert ask(org, f"SELECT Id FROM LoginHistory WHERE {condition}")["totalSize"] == found


class TestColumns:
    def test_columns_are_told_in_the_place_of_records(self, org: Org) -> None:
        text = "SELECT Id, IsActive, Profile.Name FROM User"
        _, told = get(org, f"{BASE}/query", q=text, columns="true")
        assert [column["columnName"] for column in told["columnMetadata"]] == ["Id", "IsActive", "Profile"]
        assert told["columnMetadata"][2]["joinColumns"][0]["columnName"] == "Name"
        assert (told["entityName"], told["keyPrefix"], told["idSelected"]) == ("User", "005", True)
        _, told = get(org, f"{BASE}/query", q="SELECT COUNT(Id), MAX(Name) last FROM User", columns="true")
        assert [column["columnName"] for column in told["columnMetadata"]] == ["expr0", "last"]
        text = "SELECT u.Name, (SELECT PermissionSetId FROM PermissionSetAssignments) FROM User u"
        _, told = get(org, f"{BASE}/query", q=text, columns="true")
        inner = told["columnMetadata"][1]
        assert (inner["columnName"], inner["aggregate"]) == ("PermissionSetAssignments", True)
        assert [column["columnName"] for column in inner["joinColumns"]] == ["PermissionSetId"]


class TestObjects:
    def test_objects_are_listed_described_and_their_rows_retrieved(self, org: Org) -> None:
        _, listed = get(org, f"{BASE}/sobjects")
        assert "ConnectedApplication" in [each["name"] for each in listed["sobjects"]]
        _, told = get(org, f"{BASE}/sobjects/LoginHistory/describe")
        filterable = {field["name"]: field["filterable"] for field in told["fields"]}
        assert (filterable["UserId"], filterable["Application"]) == (True, False)
        _, told = get(org, f"{BASE}/sobjects/PermissionSet/describe")
        assert [each["relationshipName"] for each in told["childRelationships"]] == [
            "Assignments",
            "SetupEntityAccessItems",
        ]
        user = org.users["admin@acme.example"]
        _, row = get(org, f"{BASE}/sobjects/User/{user.id}")
        assert (row["Username"], row["attributes"]["url"]) == (user.username, f"{BASE}/sobjects/User/{user.id}")
        _, row = get(org, f"{BASE}/sobjects/User/{user.id[:15]}", fields="username")
        assert set(row) == {"attributes", "Username"}
        assert get(org, f"{BASE}/sobjects/User/005000000000000")[0] == 404
        assert get(org, f"{BASE}/sobjects/Account/describe")[0] == 501
        assert get(org, f"{BASE}/sobjects/User")[1]["objectDescribe"]["keyPrefix"] == "005"
        assert get(org, f"{BASE}/sobjects/User/{user.id}/blobs")[0] == 501

    def test_every_row_has_the_fields_that_its_object_tells(self, org: Org) -> None:
        org.add_external_app("Shipping", username="admin@acme.example")
        org.record_login("Billing", "billing@acme.example", "Success")
        for name, table in TABLES.items():
            names = [field.name for field in table.fields]
            rows = ask(org, f"SELECT {', '.join(names)} FROM {name}")["records"]
            assert rows
            assert all(set(row) == {"attributes", *names} for row in rows)
            assert {str(row["Id"])[:3] for row in rows} <= {table.prefix, "Non"}
