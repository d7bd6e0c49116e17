"""Who may log in through an app, and by what: a profile, a permission set, a group of these, or the app's own policy.

An app that only approved users may use is given to permission sets (SetupEntityAccess), of which each profile has one
of its own, and these are given to users (PermissionSetAssignment). Of connected apps and external client apps it is the
same. What the app's own policies name is the same once more, seen from its side (`rotator.salesforce.apps.admission`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.core.lifecycle.revocation import GivenBy
from rotator.core.observed import Kind
from rotator.errors import NOTHING_CHANGED, OrgError
from rotator.salesforce.permissions import needed_to_see
from rotator.salesforce.record_values import moment, quoted

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.net.shapes import Fields
    from rotator.salesforce.access.org_records import OrgRecords
    from rotator.salesforce.apps.app import App

_ASSIGNMENTS: Final = (
    "SELECT Id, AssigneeId, PermissionSetId, PermissionSetGroupId{expires},"
    " PermissionSet.Label, PermissionSet.IsOwnedByProfile, PermissionSet.Profile.Name FROM PermissionSetAssignment"
    " WHERE PermissionSetId IN (SELECT ParentId FROM SetupEntityAccess WHERE SetupEntityId = {app})"
)
_EXPIRES: Final = "ExpirationDate"
"""Until when a user has it (Object Reference, PermissionSetAssignment); not every org has the field."""
_USERS: Final = (
    "SELECT Assignee.Username FROM PermissionSetAssignment"
    " WHERE PermissionSetId = {permission_set} AND Assignee.IsActive = true"
)
_CONNECTED: Final = "SELECT Id, Name FROM ConnectedApplication WHERE Name = {label}"
_EXTERNAL: Final = (
    "SELECT Id, MasterLabel FROM ExternalClientApplication"
    " WHERE DeveloperName = {name} AND NamespacePrefix = {namespace}"
)


@dataclass(frozen=True)
class Assignment:
    """What lets one user in (Object Reference, PermissionSetAssignment)."""

    id: str
    user_id: str
    given_by: GivenBy
    """GROUP: the user has the group, and by it what its permission sets were given."""
    name: str
    """Of the profile, or the label of the permission set."""
    holder_id: str
    """Of the group where it is one, else of the permission set; of a profile, that of its own permission set."""
    expires_at: datetime | None = None
    """None: it has no end."""


class AdmittedUsers:
    """Reads who may use apps of one org. All calls raise OrgError, OrgUnavailable and LoginRefused."""

    def __init__(self, records: OrgRecords) -> None:
        """Calls nothing yet."""
        self._records: Final = records
        self._expires: str | None = None

    def identity(self, app: App) -> tuple[str, str]:
        """Record id and label of an app. Raises OrgError where the org does not tell which it is."""
        return self._external(app) if app.kind is Kind.EXTERNAL_APP else self._connected(app)

    def assignments(self, app_id: str, *, username: str = "", user_id: str = "") -> list[Assignment]:
        """What lets a user in, by his username or id. Of no others: a profile that has an app may have thousands."""
        if self._expires is None:
            has_field = _EXPIRES in self._records.fields_of("PermissionSetAssignment")
            self._expires = f", {_EXPIRES}" if has_field else ""
        text = _ASSIGNMENTS.format(app=quoted(app_id), expires=self._expires)
        text += f" AND AssigneeId = {quoted(user_id)}" if user_id else ""
        text += f" AND Assignee.Username = {quoted(username)}" if username else ""
        return self._records.read(text, _assignment)

    def users_of(self, permission_set_id: str) -> tuple[str, ...]:
        """Usernames of the active users who have a permission set, or the profile that it is of."""
        text = _USERS.format(permission_set=quoted(permission_set_id))
        return tuple(self._records.read(text, lambda row: row.fields("Assignee").text("Username", required=True)))

    def _external(self, app: App) -> tuple[str, str]:
        namespace, _, name = app.full_name.rpartition("__")
        text = _EXTERNAL.format(name=quoted(name), namespace=quoted(namespace) if namespace else "null")
        return self._only(app, self._records.read(text, lambda row: _identity(row, "MasterLabel")))

    def _connected(self, app: App) -> tuple[str, str]:
        """By its label: ConnectedApplication has no other name (Object Reference)."""
        label = app.component.text("label") if app.component else ""
        text = _CONNECTED.format(label=quoted(label))
        return self._only(app, self._records.read(text, lambda row: _identity(row, "Name")))

    def _only(self, app: App, found: list[tuple[str, str]]) -> tuple[str, str]:
        if len(found) == 1:
            return found[0]
        problem = f"{len(found)} apps of the label of" if found else "no record of"
        raise OrgError(
            f"The org {self._records.org} shows {problem} {app.full_name}, so who may use it cannot be told.",
            effect=NOTHING_CHANGED,
            hint="Give each app a label of its own in Setup." if found else needed_to_see(app.kind),
        )


def _identity(row: Fields, label: str) -> tuple[str, str]:
    return row.text("Id", required=True), row.text(label, required=True)


def _assignment(row: Fields) -> Assignment:
    permission_set, group_id = row.fields("PermissionSet"), row.text("PermissionSetGroupId")
    is_profile = permission_set.flag("IsOwnedByProfile")
    return Assignment(
        row.text("Id", required=True),
        row.text("AssigneeId", required=True),
        GivenBy.GROUP if group_id else GivenBy.PROFILE if is_profile else GivenBy.PERMISSION_SET,
        name=permission_set.fields("Profile").text("Name") if is_profile else permission_set.text("Label"),
        holder_id=group_id or row.text("PermissionSetId", required=True),
        expires_at=moment(row, _EXPIRES),
    )
