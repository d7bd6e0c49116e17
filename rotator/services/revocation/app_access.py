"""What is seen of a credential's apps that a revocation ends, each step by itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from rotator.core.lifecycle.revocation import GivenBy
from rotator.services.access.ended_keys import holding
from rotator.services.access.issued_tokens import issued

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from rotator.core.lifecycle.revocation import AccessGrant
    from rotator.salesforce.access.org_access import OrgAccess
    from rotator.salesforce.apps.app import App
    from rotator.services.access.issued_tokens import IssuedTokens
    from rotator.services.rotation.observer import CredentialContext


NO_SIBLINGS: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})
_OF_SETS: Final = frozenset({GivenBy.PERMISSION_SET, GivenBy.GROUP})


@dataclass(frozen=True)
class SharedGrant:
    """A grant, and who loses the app with it."""

    grant: AccessGrant
    others: Sequence[str] | None = field(default=())
    """Usernames; None: nobody can tell, as each user might."""


class AppAccess:
    """Reads it. All calls raise OrgError, OrgUnavailable and LoginRefused."""

    def __init__(
        self, credential: CredentialContext, access: OrgAccess, siblings: Mapping[str, Sequence[str]] = NO_SIBLINGS
    ) -> None:
        """`siblings` are the other credentials of its org and user, with their apps."""
        self._credential: Final = credential
        self._access: Final = access
        self._siblings: Final = siblings
        self._username: Final = credential.settings.username

    def apps(self) -> list[App]:
        """The credential's apps as they are now. Raises OrgError where the org does not show one."""
        names = self._credential.settings.app_names
        found = dict(zip(names, self._credential.read_apps(), strict=True))
        missing = [name for name, app in found.items() if app is None]
        if missing:
            raise self._credential.apps.absent(*missing)
        return [app for app in found.values() if app]

    def issued(self) -> IssuedTokens:
        """What was given out to the user."""
        return issued(self._access, self.apps(), self._username)

    def grants(self) -> list[AccessGrant]:
        """What lets the user in, through all of the apps."""
        given = self._given(self.apps())
        if all(each.given_by not in _OF_SETS for each in given):
            return given
        others = {name: self._holders(apps) for name, apps in self._siblings.items()}
        return [replace(each, shared_with=_sharers(each, others)) for each in given]

    def _given(self, apps: Iterable[App]) -> list[AccessGrant]:
        return [grant for app in apps for grant in self._access.grants(app, self._username)]

    def _holders(self, names: Sequence[str]) -> set[str]:
        """The sets and groups that let the user in to apps of another credential."""
        found = self._given(app for app in self._credential.apps.read_all(names) if app)
        return {each.holder_id for each in found if each.given_by in _OF_SETS}

    def shared(self) -> list[SharedGrant]:
        """The same, with who loses the app, too."""
        return [SharedGrant(each, self._access.others(each, self._username)) for each in self.grants()]

    def holding(self, ended_by: Mapping[str, str], sent: Collection[str] = ()) -> list[App]:
        """The apps that may hold a certificate of which somebody has the key.

        Of one that hides what it holds only those that were `sent` one just now are known to hold none: somebody may
        have put another there since the last time.
        """
        apps = self.apps()
        hiding = {app.full_name for app in apps if app.hides_certificate} - {*sent}
        return holding(apps, {name: each for name, each in ended_by.items() if name not in hiding})


def _sharers(grant: AccessGrant, holders: Mapping[str, set[str]]) -> tuple[str, ...]:
    if grant.given_by not in _OF_SETS:
        return ()
    return tuple(sorted(name for name, each in holders.items() if grant.holder_id in each))
