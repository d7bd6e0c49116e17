"""Records that are made and deleted over REST: who has a permission set, what has an app, which session lives."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rotator.simulator.oauth.identity import revoke
from rotator.simulator.rest.resources import answer_data
from rotator.simulator.wire.request import Request
from tests.unit.simulator.helpers import session_of

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org

BASE = "/services/data/v66.0"


def call(org: Org, method: str, path: str, sent: Any = None, session: str = "") -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {session or session_of(org)}"}
    whole = f"{BASE}/{path}"
    body = b"" if sent is None else json.dumps(sent).encode()
    answer = answer_data(org, Request(method, whole, {}, headers, body), whole.split("/")[3:])
    return answer.status, json.loads(answer.body) if answer.body else None


def ask(org: Org, text: str) -> Any:
    headers = {"authorization": f"Bearer {session_of(org)}"}
    path = f"{BASE}/query"
    return json.loads(answer_data(org, Request("GET", path, {"q": text}, headers), path.split("/")[3:]).body)["records"]


def granted(org: Org, app: str) -> list[dict[str, Any]]:
    text = f"SELECT Id, ParentId, SetupEntityId FROM SetupEntityAccess WHERE SetupEntityId = '{app}'"  # noqa: S608 - the org's own
    found: list[dict[str, Any]] = ask(org, text)
    return found


def test_a_permission_set_is_taken_from_one_user(org: Org) -> None:
    for name in ("ada", "bea"):
        org.add_user(f"{name}@acme.example", permission_sets=("Robots", "Others"))
    text = "SELECT Id FROM PermissionSetAssignment WHERE PermissionSet.Label = 'Robots' AND Assignee.Name = 'Ada'"
    [row] = ask(org, text)
    assert call(org, "DELETE", f"sobjects/PermissionSetAssignment/{row['Id']}") == (204, None)
    assert org.users["ada@acme.example"].permission_sets == ("Others",)
    assert org.users["bea@acme.example"].permission_sets == ("Robots", "Others")
    status, told = call(org, "DELETE", f"sobjects/PermissionSetAssignment/{row['Id']}")
    assert (status, told[0]["errorCode"]) == (404, "ENTITY_IS_DELETED")


@pytest.mark.parametrize("kind", ["connected", "external"])
def test_an_app_is_taken_from_a_profile_and_given_back(org: Org, kind: str) -> None:
    user = org.add_user("ship@acme.example", profile="Shippers")
    add = org.add_app if kind == "connected" else org.add_external_app
    app = add("Shipping", username=user.username)
    [row] = granted(org, app.id)
    assert call(org, "DELETE", f"sobjects/SetupEntityAccess/{row['Id']}")[0] == 204
    assert (app.assigned_profiles, app.is_approved_for(user), app.is_admin_approved) == ([], False, True)
    sent = {"ParentId": row["ParentId"], "SetupEntityId": row["SetupEntityId"]}
    assert call(org, "POST", "sobjects/SetupEntityAccess", sent)[0] == 201
    assert app.assigned_profiles == ["Shippers"]
    assert call(org, "POST", "sobjects/SetupEntityAccess", sent)[1][0]["errorCode"] == "DUPLICATE_VALUE"
    other = {"ParentId": "0PS000000000000", "SetupEntityId": app.id}
    assert call(org, "POST", "sobjects/SetupEntityAccess", other)[1][0]["errorCode"] == "INVALID_CROSS_REFERENCE_KEY"


def test_a_session_ends(org: Org) -> None:
    token = session_of(org, "billing@acme.example", "Billing")
    user = org.users["billing@acme.example"]
    [row] = ask(org, f"SELECT Id FROM AuthSession WHERE UsersId = '{user.id}'")  # noqa: S608 - the org's own
    assert call(org, "DELETE", f"sobjects/AuthSession/{row['Id']}")[0] == 204
    assert org.visitor(token) is None


def test_others_take_a_permission_and_the_own_session_takes_none(org: Org) -> None:
    mine = session_of(org, "billing@acme.example", "Billing")
    robots = session_of(org)
    ids = {token: org.id_of("0Ak", token) for token in (mine, robots)}
    refused = call(org, "DELETE", f"sobjects/AuthSession/{ids[robots]}", session=mine)
    assert (refused[0], refused[1][0]["errorCode"]) == (403, "INSUFFICIENT_ACCESS_OR_READONLY")
    assert call(org, "DELETE", f"sobjects/AuthSession/{ids[mine]}", session=mine)[0] == 204
    org.settings = replace(org.settings, unwritable_objects=("AuthSession",))
    assert call(org, "DELETE", f"sobjects/AuthSession/{ids[mine]}", session=robots)[0] == 403


def test_an_object_that_is_not_written_here_says_so(org: Org) -> None:
    assert call(org, "DELETE", "sobjects/Account/001000000000000")[0] == 501
    assert call(org, "POST", "sobjects/PermissionSetAssignment", [])[1][0]["errorCode"] == "JSON_PARSER_ERROR"


@pytest.mark.parametrize("ends", [True, False])
def test_a_revoked_token_may_end_the_users_own_approval(org: Org, ends: bool) -> None:
    org.settings = replace(org.settings, revoked_approvals_end=ends)
    app, user = org.app("Billing"), org.users["billing@acme.example"]
    token = org.approve(app, user).reveal()
    assert revoke(org, token).status == 200
    assert (user.username in app.approved_usernames) is not ends


@pytest.mark.parametrize(
    ("sent", "code", "message"),
    [
        (["ParentId"], "JSON_PARSER_ERROR", "an object"),
        ({}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [ParentId, SetupEntityId]"),
        ({"ParentId": "0PS"}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [SetupEntityId]"),
        ({"Parent": "0PS"}, "INVALID_FIELD", "No such column 'Parent' on sobject of type SetupEntityAccess"),
        (
            {"ParentId": "0PS", "SetupEntityId": "0H4", "SetupEntityType": "ConnectedApplication"},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "Unable to create/update fields: SetupEntityType.",
        ),
    ],
)
def test_a_record_is_made_of_the_fields_that_can_be_given(org: Org, sent: Any, code: str, message: str) -> None:
    status, [told] = call(org, "POST", "sobjects/SetupEntityAccess", sent)
    assert (status, told["errorCode"]) == (400, code)
    assert told["message"].startswith(message)


def test_groups_of_permission_sets_are_not_simulated(org: Org) -> None:
    sent = {"AssigneeId": org.users["billing@acme.example"].id, "PermissionSetGroupId": "0PG000000000001"}
    assert call(org, "POST", "sobjects/PermissionSetAssignment", sent)[0] == 501
