"""Records that the REST API makes and deletes here (sObject Basic Information, sObject Rows).

Permission sets that are given to users, apps that are given to permission sets and profiles, and sessions that end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.rest.tables import TABLES
from rotator.simulator.wire.answers import Answer, json_answer, rest_error
from rotator.simulator.wire.unsupported import unsupported_resource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.org import Org, Visitor
    from rotator.simulator.org.users import User
    from rotator.simulator.wire.request import Request

_NO_ACCESS: Final = rest_error(403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
_NO_REFERENCE: Final = rest_error(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
_GONE: Final = rest_error(404, "ENTITY_IS_DELETED", "entity is deleted")
_NO_CONTENT: Final = Answer(204, b"", "application/json;charset=UTF-8")
_PROFILE: Final = "profile "
"""With what the owner of a permission set begins that is a profile's own."""


def create_record(org: Org, visitor: Visitor, request: Request, name: str) -> Answer | None:
    """POST sobjects/NAME; None for an object of which none can be made here."""
    make = _MADE.get(name)
    if make is None:
        return None
    if not may_write(org, visitor.user, name):
        return _NO_ACCESS
    sent = request.json_object
    if sent is None:
        return rest_error(400, "JSON_PARSER_ERROR", "an object with the fields of the record is expected")
    if refusal := _misfit(name, sent):
        return refusal
    with org.lock:
        return make(org, sent)


def _misfit(name: str, sent: Mapping[str, Any]) -> Answer | None:
    """What is told of fields that a record cannot be made with, or not without (Object Reference, Properties)."""
    required, others = _CREATED[name]
    if strange := sent.keys() - required - others:
        field = min(strange)
        if TABLES[name].field(field) is None:
            return rest_error(400, "INVALID_FIELD", f"No such column '{field}' on sobject of type {name}")
        return rest_error(400, "INVALID_FIELD_FOR_INSERT_UPDATE", f"Unable to create/update fields: {field}.")
    missing = [field for field in sorted(required) if not sent.get(field)]
    return _missing(*missing) if missing else None


def _missing(*fields: str) -> Answer:
    return rest_error(400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(fields)}]")


def delete_record(org: Org, visitor: Visitor, name: str, record_id: str) -> Answer | None:
    """DELETE sobjects/NAME/ID; None for an object of which none can be deleted here."""
    delete = _DELETED.get(name)
    if delete is None:
        return None
    if not may_write(org, visitor.user, name) and not (name == "AuthSession" and _is_own(org, visitor, record_id)):
        return _NO_ACCESS
    with org.lock:
        return _NO_CONTENT if delete(org, record_id) else _GONE


def may_write(org: Org, user: User, name: str) -> bool:
    """Here one permission stands for those of who manages users and permission sets, unless one is missing."""
    return user.may_use_metadata and name not in org.settings.unwritable_objects


def _is_own(org: Org, visitor: Visitor, record_id: str) -> bool:
    sessions = (each for each in org.sessions.live(org.clock()) if each.username == visitor.user.username)
    return any(org.id_of("0Ak", each.token)[:15] == record_id[:15] for each in sessions)


def _assign(org: Org, sent: Mapping[str, Any]) -> Answer:
    """With a set go the permissions in it that have an effect here."""
    if sent.get("PermissionSetGroupId"):
        return unsupported_resource("A group of permission sets")
    if not sent.get("PermissionSetId"):
        return _missing("PermissionSetId")
    user = next((each for each in org.users.values() if _is(each.id, sent["AssigneeId"])), None)
    owner = _owner(org, str(sent["PermissionSetId"]))
    if user is None or owner is None or owner.startswith(_PROFILE):
        return _NO_REFERENCE
    if owner in user.permission_sets:
        return rest_error(400, "DUPLICATE_VALUE", "duplicate value found: PermissionSetId duplicates value on record")
    user.permission_sets = (*user.permission_sets, owner)
    if sent.get("ExpirationDate"):
        user.set_ends[owner] = str(sent["ExpirationDate"])
    made = next((each for each in org.permission_sets.values() if each.label == owner), None)
    user.may_use_metadata = user.may_use_metadata or (made is not None and made.allows("ModifyMetadata"))
    org.on_change()
    return _created(org.id_of("0Pa", f"{user.id} {owner}"))


def _unassign(org: Org, record_id: str) -> bool:
    for user in org.users.values():
        for owner in user.permission_sets:
            if _is(org.id_of("0Pa", f"{user.id} {owner}"), record_id):
                user.permission_sets = tuple(each for each in user.permission_sets if each != owner)
                user.set_ends.pop(owner, None)
                org.on_change()
                return True
    return False


def _grant(org: Org, sent: Mapping[str, Any]) -> Answer:
    app = next((each for each in org.client_apps if _is(each.id, sent["SetupEntityId"])), None)
    owner = _owner(org, str(sent["ParentId"]))
    if app is None or owner is None:
        return _NO_REFERENCE
    if owner in _owners(app):
        return rest_error(400, "DUPLICATE_VALUE", "duplicate value found: SetupEntityId duplicates value on record")
    _assign_app(org, app, [*_owners(app), owner])
    return _created(org.id_of("0J0", f"{app.id} {owner}"))


def _revoke_grant(org: Org, record_id: str) -> bool:
    for app in org.client_apps:
        for owner in _owners(app):
            if _is(org.id_of("0J0", f"{app.id} {owner}"), record_id):
                _assign_app(org, app, [each for each in _owners(app) if each != owner])
                return True
    return False


def _end_session(org: Org, record_id: str) -> bool:
    for session in org.sessions.live(org.clock()):
        if _is(org.id_of("0Ak", session.token), record_id):
            return org.sessions.end(session.token)
    return False


def _owners(app: ClientApp) -> list[str]:
    return [*(f"{_PROFILE}{name}" for name in app.assigned_profiles), *app.assigned_permission_sets]


def _assign_app(org: Org, app: ClientApp, owners: list[str]) -> None:
    profiles = [each.removeprefix(_PROFILE) for each in owners if each.startswith(_PROFILE)]
    app.assign(profiles, [each for each in owners if not each.startswith(_PROFILE)])
    org.on_change()


def _owner(org: Org, set_id: str) -> str | None:
    """The permission set of that id by its label, or the profile whose own it is."""
    return next((owner for owner, known in org.ids_of("0PS") if _is(known, set_id)), None)


def _is(known: str, told: object) -> bool:
    return known[:15] == str(told)[:15]


def _created(record_id: str) -> Answer:
    return json_answer(201, {"id": record_id, "success": True, "errors": list[str]()})


_CREATED: Final = {
    "PermissionSetAssignment": (
        frozenset({"AssigneeId"}),
        frozenset({"PermissionSetId", "PermissionSetGroupId", "ExpirationDate"}),
    ),
    "SetupEntityAccess": (frozenset({"ParentId", "SetupEntityId"}), frozenset[str]()),
}
"""Fields that a record is made with: those that it needs, and others."""
_MADE: Final[dict[str, Callable[[Org, Mapping[str, Any]], Answer]]] = {
    "PermissionSetAssignment": _assign,
    "SetupEntityAccess": _grant,
}
_DELETED: Final[dict[str, Callable[[Org, str], bool]]] = {
    "PermissionSetAssignment": _unassign,
    "SetupEntityAccess": _revoke_grant,
    "AuthSession": _end_session,
}
