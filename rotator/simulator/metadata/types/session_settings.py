"""Which sessions a profile asks of its users, as an administrator has set it in Setup. They are not written here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rotator.simulator.metadata.types.metadata_type import ListedLine, MetadataType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotator.simulator.metadata.types.metadata_type import Listed
    from rotator.simulator.org.components import Component
    from rotator.simulator.org.org import Org


_FULL_NAMES: Final = {
    "System Administrator": "Admin",
    "Standard User": "Standard",
    "Read Only": "ReadOnly",
    "Standard Platform User": "StandardAul",
    "Marketing User": "MarketingProfile",
    "Contract Manager": "ContractManager",
    "Solution Manager": "SolutionManager",
    "Authenticated Website": "PlatformPortal",
}
"""Of profiles that have another name in metadata than people see."""


def _in_metadata(label: str) -> str:
    return re.sub(r"[^\w -]", lambda found: f"%{ord(found[0]):02X}", label)


class SessionSettingsType(MetadataType):
    """One for each profile that asks for more than a login gives; its own name says nothing of the profile."""

    def listed(self, org: Org) -> Iterable[Listed]:
        now, creator = org.clock(), next(iter(org.users), "")
        for name, profile in self._settings(org).items():
            yield ListedLine(name, org.id_of("0pr", profile), now, now, creator)

    def read(self, org: Org, name: str) -> Component | None:
        profile = self._settings(org).get(name)
        if profile is None:
            return None
        level, full_name = org.profiles[profile].session_level, _FULL_NAMES.get(profile) or _in_metadata(profile)
        return {"fullName": name, "profile": full_name.lower(), "requiredSessionLevel": level, "sessionTimeout": "120"}

    @staticmethod
    def _settings(org: Org) -> dict[str, str]:
        """Profiles by the full names of their settings."""
        asking = sorted(name for name, profile in org.profiles.items() if profile.session_level)
        return {f"profileSessionSetting{number:013}": name for number, name in enumerate(asking)}
