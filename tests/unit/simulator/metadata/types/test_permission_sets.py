"""Permission sets: what is written comes back, and a permission without another that it needs is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rotator.simulator.rest.resources import answer_data
from rotator.simulator.wire.request import Request
from tests.unit.simulator.helpers import call, session_of, texts
from tests.unit.simulator.metadata.files import deployed, manifest, retrieve

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org

BODY = "<label>Robots</label>"


def allowed(*names: str) -> str:
    return "".join(f"<userPermissions><enabled>true</enabled><name>{name}</name></userPermissions>" for name in names)


def file_of(text: str) -> dict[str, str]:
    component = f'<PermissionSet xmlns="http://soap.sforce.com/2006/04/metadata">{text}</PermissionSet>'
    return {"permissionsets/Robots.permissionset": component, "package.xml": manifest(PermissionSet="Robots")}


def test_one_is_made_changed_listed_queried_and_retrieved(org: Org) -> None:
    assert deployed(org, file_of(BODY + allowed("ApiEnabled"))) == ("Succeeded", [])
    made = org.permission_sets["Robots"]
    assert deployed(org, file_of(BODY + allowed("ApiEnabled", "ViewSetup"))) == ("Succeeded", [])
    listed = call(org, "<listMetadata><queries><type>PermissionSet</type></queries></listMetadata>")
    assert texts(listed, "fullName") == ["Robots"]
    assert texts(listed, "id") == [made.id]
    _, files = retrieve(org, manifest(PermissionSet="Robots"))
    text = files["unpackaged/permissionsets/Robots.permissionset"]
    assert text.index("ApiEnabled") < text.index("ViewSetup")
    assert "<hasActivationRequired>false</hasActivationRequired>" in text


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (
            ["ExternalClientAppDeveloper"],
            "Permission Create, edit, and delete External Client Apps depends on permission(s): View all External"
            " Client Apps, view their settings, and edit their policies",
        ),
        (["CustomizeApplication", "ViewSetup"], "depends on permission(s): Manage Custom Permissions"),
        (["Teleport"], "The user permission Teleport is not simulated"),
    ],
)
def test_what_cannot_be_given_alone_is_refused(org: Org, names: list[str], problem: str) -> None:
    status, [told] = deployed(org, file_of(BODY + allowed(*names)))
    assert status == "Failed"
    assert problem in str(told)
    assert org.permission_sets == {}


def test_what_is_not_looked_into_says_so(org: Org) -> None:
    _, [told] = deployed(org, file_of(f"<customPermissions><name>X</name></customPermissions>{BODY}"))
    assert "customPermissions of a permission set is not simulated" in str(told)
    assert "Required field is missing: label" in str(deployed(org, file_of(allowed("ApiEnabled"))))


def test_a_deployment_that_is_only_checked_makes_none_and_one_goes_again(org: Org) -> None:
    assert deployed(org, file_of(BODY), checkOnly=True) == ("Succeeded", [])
    assert org.permission_sets == {}
    deployed(org, file_of(BODY))
    gone = "<deleteMetadata><type>PermissionSet</type><fullNames>Robots</fullNames></deleteMetadata>"
    assert texts(call(org, gone), "success") == ["true"]
    assert texts(call(org, gone), "statusCode") == ["INVALID_CROSS_REFERENCE_KEY"]


def test_a_user_is_given_one_over_rest_and_with_it_what_it_allows(org: Org) -> None:
    deployed(org, file_of(BODY + allowed("ModifyMetadata", "ViewSetup")))
    user = org.add_user("ada@acme.example")
    set_id = org.permission_sets["Robots"].id

    def assigned(**sent: str) -> tuple[int, str]:
        path = "/services/data/v66.0/sobjects/PermissionSetAssignment"
        headers = {"authorization": f"Bearer {session_of(org)}"}
        request = Request("POST", path, {}, headers, json.dumps(sent).encode())
        answer = answer_data(org, request, path.removeprefix("/services/data/").split("/"))
        return answer.status, answer.body.decode()

    assert assigned(AssigneeId=user.id, PermissionSetId=set_id)[0] == 201
    assert (user.permission_sets, user.may_use_metadata) == (("Robots",), True)
    assert "DUPLICATE_VALUE" in assigned(AssigneeId=user.id, PermissionSetId=set_id)[1]
    assert "INVALID_CROSS_REFERENCE_KEY" in assigned(AssigneeId=user.id, PermissionSetId="0PS000000000000")[1]
    assert "Required fields are missing: [PermissionSetId]" in assigned(AssigneeId=user.id)[1]
