"""Permission sets that are given to users: the one row that the REST API writes here (sObject Basic Information)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rotator.simulator.wire.answers import Answer, json_answer, rest_error

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import User
    from rotator.simulator.wire.request import Request


def assign(org: Org, administrator: User, request: Request) -> Answer:
    """POST sobjects/PermissionSetAssignment. With a set go the permissions in it that have an effect here."""
    if not administrator.may_use_metadata:
        # Here one permission stands for that of who may assign permission sets.
        return rest_error(403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
    try:
        sent = json.loads(request.body)
        user_id, set_id = (str(sent[name]) for name in ("AssigneeId", "PermissionSetId"))
    except (ValueError, TypeError, LookupError):
        return rest_error(400, "JSON_PARSER_ERROR", "AssigneeId and PermissionSetId are expected, in an object")
    user = next((each for each in org.users.values() if each.id[:15] == user_id[:15]), None)
    found = next((each for each in org.permission_sets.values() if each.id[:15] == set_id[:15]), None)
    if user is None or found is None:
        return rest_error(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    if found.label in user.permission_sets:
        return rest_error(400, "DUPLICATE_VALUE", "duplicate value found: PermissionSetId duplicates value on record")
    with org.lock:
        user.permission_sets = (*user.permission_sets, found.label)
        user.may_use_metadata = user.may_use_metadata or found.allows("ModifyMetadata")
        org.on_change()
    return json_answer(
        201, {"id": org.id_of("0Pa", f"{user.id} {found.label}"), "success": True, "errors": list[str]()}
    )
