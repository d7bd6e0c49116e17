"""The users that integrations log in as: profile, licence, and what their permission sets allow.

What a user may is what all permission sets that he has allow together: each profile owns one, and so does each group of
permission sets (Object Reference, PermissionSet and PermissionSetAssignment). An org has a field of PermissionSet for
each permission that can be had in it, so it is asked first which it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.errors import LoginRefused, OrgError, OrgUnavailable
from rotator.portions import portions
from rotator.salesforce.record_values import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rotator.net.shapes import Fields
    from rotator.salesforce.access.org_records import OrgRecords

MOST_AT_ONCE: Final = 100
"""Users that one query asks for: its address has 16,000 characters at the most, and a username 80."""

_PREFIX: Final = "Permissions"
_LICENCE: Final = ", Profile.UserLicense.Name"
_USERS: Final = "SELECT Id, Username, Profile.Name{licence} FROM User WHERE Username IN ({names})"
_LICENCES: Final = "SELECT Name, TotalLicenses, UsedLicenses FROM UserLicense WHERE Name = {name}"
_HELD: Final = "SELECT AssigneeId{fields} FROM PermissionSetAssignment WHERE AssigneeId IN ({ids})"


@dataclass(frozen=True)
class OrgUser:
    """A user of an org, with what of his rights matters for a credential that logs in as him."""

    id: str
    username: str
    profile: str
    licence: str
    """Name of the user licence of the profile, such as `Salesforce Integration`; empty where the org does not tell."""


class OrgUsers:
    """Reads users of one org. All calls raise OrgError, OrgUnavailable and LoginRefused."""

    def __init__(self, records: OrgRecords) -> None:
        """Calls nothing yet."""
        self._records: Final = records

    def of(self, usernames: Iterable[str]) -> list[OrgUser]:
        """Those of these usernames that the org shows, each once; where it shows no licences, without these."""
        names = [*dict.fromkeys(name.casefold() for name in usernames)]
        try:
            return self._of(names, _LICENCE)
        except (OrgUnavailable, LoginRefused):
            raise
        except OrgError:
            return self._of(names, "")

    def _of(self, names: Sequence[str], licence: str) -> list[OrgUser]:
        texts = (
            _USERS.format(names=",".join(map(quoted, some)), licence=licence) for some in portions(names, MOST_AT_ONCE)
        )
        return [user for text in texts for user in self._records.read(text, _user)]

    def permissions(self, users: Sequence[OrgUser], wanted: Iterable[str]) -> dict[str, frozenset[str]]:
        """Which of these permissions each user has, by the user's id and by their names in the API.

        One that the org does not have nobody has.
        """
        there = self._records.fields_of("PermissionSet")
        names = [name for name in wanted if f"{_PREFIX}{name}" in there]
        fields = "".join(f", PermissionSet.{_PREFIX}{name}" for name in names)
        held: dict[str, set[str]] = {user.id: set() for user in users}
        for some in portions([user.id for user in users], MOST_AT_ONCE):
            text = _HELD.format(fields=fields, ids=",".join(map(quoted, some)))
            for user_id, found in self._records.read(text, lambda row: _held(row, names)):
                held.setdefault(user_id, set()).update(found)
        return {user_id: frozenset(found) for user_id, found in held.items()}

    def held_by(self, user_id: str, names: Sequence[str]) -> frozenset[str]:
        """Which of these permissions, that each org has, one user has."""
        fields = "".join(f", PermissionSet.{_PREFIX}{name}" for name in names)
        text = _HELD.format(fields=fields, ids=quoted(user_id))
        return frozenset(each for _, found in self._records.read(text, lambda row: _held(row, names)) for each in found)

    def spare_licences(self, name: str) -> int:
        """How many licences of that name nobody has; 0 where the org has none."""
        found = self._records.read(_LICENCES.format(name=quoted(name)), _spare)
        return max(0, sum(found))


def _user(row: Fields) -> OrgUser:
    profile = row.fields("Profile")
    return OrgUser(
        id=row.text("Id", required=True),
        username=row.text("Username", required=True),
        profile=profile.text("Name"),
        licence=profile.fields("UserLicense").text("Name"),
    )


def _held(row: Fields, names: Sequence[str]) -> tuple[str, list[str]]:
    allowed = row.fields("PermissionSet")
    return row.text("AssigneeId", required=True), [name for name in names if allowed.flag(f"{_PREFIX}{name}")]


def _spare(row: Fields) -> int:
    return int(row.number("TotalLicenses")) - int(row.number("UsedLicenses"))
