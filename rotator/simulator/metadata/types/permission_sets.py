"""Permission sets as the Metadata API writes them: what they allow is taken down, and who has one is a user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.simulator.metadata.types.changes import Outcome, not_found
from rotator.simulator.metadata.types.metadata_type import MetadataType
from rotator.simulator.org.components import ComponentError, differ
from rotator.simulator.org.schema.permission_set import NOT_SIMULATED, USER_PERMISSIONS
from rotator.simulator.org.users import PermissionSet
from rotator.simulator.wire.unsupported import unsupported_fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotator.simulator.metadata.types.changes import Author, Mode
    from rotator.simulator.metadata.types.metadata_type import Listed
    from rotator.simulator.org.components import Component
    from rotator.simulator.org.org import Org


class PermissionSetType(MetadataType):
    """Sets of permissions that users are given beside their profile."""

    def listed(self, org: Org) -> Iterable[Listed]:
        return org.permission_sets.values()

    def read(self, org: Org, name: str) -> Component | None:
        found = org.permission_sets.get(name)
        return {**found.component, "fullName": name} if found else None

    def write(self, author: Author, name: str, given: Component, mode: Mode) -> Outcome:
        for each in sorted(NOT_SIMULATED & given.keys()):
            raise unsupported_fault(f"{each} of a permission set")
        sets = author.org.permission_sets
        there = sets.get(name)
        self.check_mode(mode, name, is_there=there is not None)
        before = there.component if there else {}
        component = author.merge.apply(self.schema, given, before)
        component.pop("fullName", None)
        _check(component)
        if there is None:
            made = PermissionSet(
                name, author.org.id_of("0PS", component["label"]), component, author.at, author.at, author.user.username
            )
            sets[name] = made
            return Outcome(made.id, created=True)
        there.component, there.modified_at, there.modified_by = component, author.at, author.user.username
        return Outcome(there.id, changed=differ(component, before, self.schema))

    def delete(self, author: Author, name: str) -> Outcome:
        gone = author.org.permission_sets.pop(name, None)
        if gone is None:
            raise not_found(self.name, name)
        return Outcome(gone.id)


def _check(component: Component) -> None:
    """Raises ComponentError for a permission that lacks another which it needs."""
    held = [each["name"] for each in component.get("userPermissions", ()) if each["enabled"] == "true"]
    for name in held:
        if name not in USER_PERMISSIONS:
            raise unsupported_fault(f"The user permission {name}")
        label, needed = USER_PERMISSIONS[name]
        lacking = [USER_PERMISSIONS[each][0] for each in needed if each not in held]
        if lacking:
            message = f"Permission {label} depends on permission(s): {', '.join(lacking)}"
            raise ComponentError("FIELD_INTEGRITY_EXCEPTION", message, "userPermissions")
