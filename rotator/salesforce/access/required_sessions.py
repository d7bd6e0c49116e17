"""What profiles ask of sessions at login (Metadata API Developer Guide, ProfileSessionSetting).

A profile that asks for high assurance lets nobody in who logs in by JWT: such a login gives a standard session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from rotator.salesforce.inventory.retrieval import retrieved

if TYPE_CHECKING:
    from rotator.salesforce.metadata import MetadataService

SESSION_SETTINGS: Final = "ProfileSessionSetting"

_LABELS: Final = {
    "admin": "system administrator",
    "standard": "standard user",
    "readonly": "read only",
    "standardaul": "standard platform user",
    "marketingprofile": "marketing user",
    "contractmanager": "contract manager",
    "solutionmanager": "solution manager",
}
"""Of profiles that have another name in metadata than people see, as tools that deploy them have them."""


def required_sessions(metadata: MetadataService) -> dict[str, str]:
    """The session level that each profile asks for, by its folded label; of one that asks for none, nothing.

    Raises OrgError, OrgUnavailable and LoginRefused.
    """
    names = [each.full_name for each in metadata.list_components(SESSION_SETTINGS)]
    found: dict[str, str] = {}
    for setting in retrieved(metadata, {SESSION_SETTINGS: names} if names else {}):
        # Full names have what is neither letter nor digit as %2E.
        name, level = unquote(setting.text("profile")).casefold(), setting.text("requiredSessionLevel")
        if name and level:
            found[_LABELS.get(name, name)] = level
    return found
