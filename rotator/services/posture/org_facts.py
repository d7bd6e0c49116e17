"""What the audit goes by of one org: its apps, the users of integrations, who uses what, and the program's own login.

Some twenty calls, whatever the number of apps: they are read by one retrieve, users a hundred at a time, and the org
itself counts logins and tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from rotator.config.settings import LoginWithKey
from rotator.core import words
from rotator.core.observed import Kind
from rotator.core.posture.facts import Hidden, ManagementFacts, OrgFacts, UserFacts
from rotator.core.posture.user_permissions import LABELS, SHOWING_LOGINS, SHOWING_TOKENS
from rotator.core.posture.user_rules import INTEGRATION_LICENCE
from rotator.errors import LoginRefused, OrgError, OrgUnavailable
from rotator.salesforce.access.app_settings import all_apps
from rotator.salesforce.access.last_uses import LastUses
from rotator.salesforce.access.org_records import OrgRecords
from rotator.salesforce.access.required_sessions import required_sessions
from rotator.salesforce.access.users import OrgUsers
from rotator.salesforce.permissions import SHOWS, shows_records

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.core.posture.facts import AppFacts, Use
    from rotator.salesforce.access.users import OrgUser
    from rotator.salesforce.metadata import MetadataService
    from rotator.salesforce.session import OrgSession

T = TypeVar("T")

_ASKED: Final = tuple(dict.fromkeys((*LABELS, *SHOWING_LOGINS)))


class OrgAdapters(Protocol):
    """Sessions and connections of one thread."""

    def org_session(self, name: str) -> OrgSession:
        """The program's own login to an org."""
        ...

    def metadata(self, org: str) -> MetadataService:
        """Calls in an org."""
        ...


def read_org(
    adapters: OrgAdapters, management: ManagementFacts, org: str, usernames: Collection[str], since: datetime
) -> OrgFacts:
    """What an org shows. Raises OrgUnavailable and LoginRefused; what it does not show is Hidden in the result."""
    session, metadata = adapters.org_session(org), adapters.metadata(org)
    session.ensure_open()
    return _Reader(OrgRecords(session, metadata.waiting), metadata, management).read(org, usernames, since)


def nothing_of(org: str, management: ManagementFacts, why: str) -> OrgFacts:
    """An org of which nothing can be read."""
    hidden = Hidden(why)
    return OrgFacts(org, management, hidden, hidden, hidden, hidden, hidden)


def management_of(settings: Settings, org: str, client_ids: Mapping[str, str]) -> ManagementFacts:
    """How the program logs in to an org; `client_ids` are those of stored credentials, by their names."""
    login = settings.orgs[org].login
    if isinstance(login, LoginWithKey):
        return ManagementFacts(login.username, login.client_id, None, login.private_key.place)
    username = settings.credentials[login.credential].username
    return ManagementFacts(username, client_ids.get(login.credential, ""), login.credential)


@dataclass(frozen=True)
class _Reader:
    records: OrgRecords
    metadata: MetadataService
    management: ManagementFacts

    def read(self, org: str, usernames: Collection[str], since: datetime) -> OrgFacts:
        reader = OrgUsers(self.records)
        found = _seen("User", lambda: reader.of({*usernames, self.management.username}))
        known = [] if isinstance(found, Hidden) else found
        permissions = _seen("PermissionSetAssignment", lambda: reader.permissions(known, _ASKED))
        permissions = found if isinstance(found, Hidden) else permissions
        own_name = self.management.username.casefold()
        own = next((user.id for user in known if user.username.casefold() == own_name), "")
        mine = permissions if isinstance(permissions, Hidden) else permissions.get(own, frozenset())
        ids = {user.id: user.username for user in known}
        uses = LastUses(self.records)
        levels = _tried("the session settings of profiles", lambda: required_sessions(self.metadata))
        users = found if isinstance(found, Hidden) else dict(_facts(user, permissions, levels) for user in found)
        return OrgFacts(
            name=org,
            management=self.management,
            apps=self._apps(),
            users=users,
            spare_licences=_seen("UserLicense", lambda: reader.spare_licences(INTEGRATION_LICENCE)),
            logins=self._shown(mine, SHOWING_LOGINS, "LoginHistory", lambda: uses.logins(ids, since)),
            tokens=self._shown(mine, SHOWING_TOKENS, "OauthToken", lambda: uses.tokens(ids)),
        )

    def _apps(self) -> tuple[AppFacts, ...] | Hidden:
        return _tried(f'the permission "{SHOWS[Kind.APP]}"', lambda: all_apps(self.metadata))

    @staticmethod
    def _shown(
        mine: frozenset[str] | Hidden, needed: Mapping[str, str], name: str, read: Callable[[], tuple[Use, ...]]
    ) -> tuple[Use, ...] | Hidden:
        """Rows of others, which an org leaves out without a word where the permission for them is missing."""
        if isinstance(mine, Hidden):
            return mine
        if mine.isdisjoint(needed):
            quoted = [f'"{label}"' for label in needed.values()]
            return Hidden(f"the permission {words.listed(quoted, 'or')}")
        return _seen(name, read)


def _facts(
    user: OrgUser, permissions: Mapping[str, frozenset[str]] | Hidden, levels: Mapping[str, str] | Hidden
) -> tuple[str, UserFacts]:
    """What is known of a user, by the folded username: Salesforce takes it in any case."""
    held = permissions if isinstance(permissions, Hidden) else permissions.get(user.id, frozenset())
    level = levels if isinstance(levels, Hidden) else levels.get(user.profile.casefold(), "")
    return user.username.casefold(), UserFacts(user.username, user.profile, user.licence, held, level)


def _seen(name: str, read: Callable[[], T]) -> T | Hidden:
    """What is read of an object; Hidden where the org refuses it."""
    return _tried(f'the permission "{shows_records(name)}"', read)


def _tried(needs: str, read: Callable[[], T]) -> T | Hidden:
    try:
        return read()
    except (OrgUnavailable, LoginRefused):
        raise
    except OrgError as error:
        # Whoever shows it puts it into a sentence.
        return Hidden(f"{needs}, perhaps: {error.message.rstrip('.')}")
