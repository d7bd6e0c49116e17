"""The watch for consumers that were left behind: a look at the login history of an org, beside its inventory.

While the grace of a previous version lasts, each look at an org asks its login history once for all of its credentials
in grace, from the promotion on (the first time from a month before it, to know who logged in then). What one look finds
rests on nothing that an earlier one wrote down: the rows are read anew, and the program's own logins taken out of them.
Only of what no longer is in them, as there were too many, the record of before counts.

Nothing else depends on it. What cannot be seen is written down with the reason, and the inventory is what it is.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.thresholds import earlier
from rotator.core.usage.own_logins import CLOCKS, learnt_names, without_own
from rotator.core.usage.sources import Promotion, sources_of, with_those_before
from rotator.core.usage.usage import Usage
from rotator.errors import RotatorError
from rotator.history.usage.recorded_logins import RecordedLogins
from rotator.history.usage.usages import Usages
from rotator.portions import portions
from rotator.salesforce.access.login_history import MOST_LOGINS, MOST_USERS, PERMISSION
from rotator.salesforce.budget import LimitReached
from rotator.salesforce.record_values import is_id
from rotator.services.usage.graces import in_grace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from rotator.config.settings import CredentialSettings, Settings
    from rotator.core.usage.own_logins import OwnLogin
    from rotator.history.engine.transactions import Transactions
    from rotator.salesforce.access.login_history import LoginHistory, LoginsRead
    from rotator.services.inventory.status import CredentialStatus

LOG: Final = logging.getLogger(__name__)

BEFORE: Final = timedelta(days=30)
"""So long before a promotion those who logged in are known to use the credential."""

AROUND: Final = timedelta(hours=1)
"""So long before a promotion its test logins are, by which it is learnt what the org calls the app."""

NOT_SHOWN: Final = "The org does not show the logins of %s: not even rotator's own test logins are among them."
TOO_MANY: Final = (
    "There were too many logins to see those of %s:"
    f" the newest {MOST_LOGINS:,} of all users that are asked for are read."
)
KEEP_TOKENS: Final = "Have the consumers that log in most often keep each access token until it ends."
_NO_USER: Final = "The org shows no user %s."
_GIVE: Final = f'Give the program\'s user the permission "{PERMISSION}".'


def hides_own(read: LoginsRead, own: Iterable[OwnLogin]) -> bool:
    """Whether the program's own logins would be among what was read of a user, if the org showed his logins at all."""
    return any(login.is_accepted and read.reaches(earlier(login.at, CLOCKS)) for login in own)


@dataclass(frozen=True)
class _Watched:
    """One credential in grace, and what was known of its use."""

    name: str
    settings: CredentialSettings
    promoted_at: datetime
    current_app: str
    previous_app: str
    client_ids: Mapping[str, Collection[str]]
    """By the folded name of the app, as far as they are known."""
    known: Usage | None

    @property
    def since(self) -> datetime:
        """From when on rows are wanted."""
        return earlier(self.promoted_at, AROUND if self.known and self.known.looked_at else BEFORE)

    def names_of(self, app: str, learnt: Iterable[str] = ()) -> set[str]:
        """What rows may have as the application."""
        return {app, app.replace("_", " "), *learnt, *self.client_ids.get(app.casefold(), ())}


class LoginWatch:
    """Looks at the login history of one org. Raises HistoryError alone."""

    def __init__(self, settings: Settings, database: Transactions, org: str) -> None:
        self._settings: Final = settings
        self._database: Final = database
        self._org: Final = org

    def look(
        self, open_history: Callable[[str], LoginHistory], statuses: Sequence[CredentialStatus], now: datetime
    ) -> list[Usage]:
        """What was seen of the credentials in grace, written down; nothing is asked where none is."""
        watched = self._watched(statuses, now)
        found = [each for some in portions(watched, MOST_USERS - 1) for each in self._looked(open_history, some, now)]
        usages = Usages(self._database)
        for usage in found:
            usages.put(usage)
        return found

    def _watched(self, statuses: Sequence[CredentialStatus], now: datetime) -> list[_Watched]:
        known = Usages(self._database).all([each.credential for each in statuses])
        watched = []
        for status in statuses:
            seen = status.life.seen
            if not in_grace(status, now) or seen is None or seen.promoted_at is None:
                continue
            assert seen.current is not None and seen.previous is not None  # noqa: S101, PT018 - as `in_grace` says
            before = known.get(status.credential)
            watched.append(
                _Watched(
                    status.credential,
                    status.settings,
                    seen.promoted_at,
                    seen.current.app,
                    seen.previous.app,
                    self._client_ids(status),
                    before if before and before.promoted_at == seen.promoted_at else None,
                )
            )
        return watched

    def _client_ids(self, status: CredentialStatus) -> dict[str, set[str]]:
        """As the org shows them, and as the program has logged in with them."""
        found = RecordedLogins(self._database).client_ids(self._org, status.settings.app_names)
        for each in status.apps:
            if each.client_id:
                found.setdefault(each.app.casefold(), set()).add(each.client_id)
        return found

    def _looked(
        self, open_history: Callable[[str], LoginHistory], watched: Sequence[_Watched], now: datetime
    ) -> list[Usage]:
        try:
            logins = open_history(self._org)
            own_user = logins.own_user_id
            ids = self._user_ids(logins, watched)
            wanted = {ids[each.settings.username] for each in watched if each.settings.username in ids}
            since = min(each.since for each in watched)
            asked = {*wanted, own_user} if is_id(own_user) else wanted
            read = logins.read(asked if wanted else (), since)
        except LimitReached:
            LOG.info("the limits of the org leave no room to see who logs in", extra={"org": self._org})
            return []
        except RotatorError as error:
            LOG.warning("who logs in is not seen: %s", error.message, extra={"org": self._org})
            return [self._not_seen(each, error.message, error.hint) for each in watched]
        return [self._usage(each, ids.get(each.settings.username, ""), read, own_user, now) for each in watched]

    def _user_ids(self, logins: LoginHistory, watched: Sequence[_Watched]) -> dict[str, str]:
        """Asked of the org once for each credential in grace."""
        known = {
            each.settings.username: each.known.user_id for each in watched if each.known and is_id(each.known.user_id)
        }
        unknown = [each.settings.username for each in watched if each.settings.username not in known]
        return known | logins.user_ids(unknown)

    @staticmethod
    def _not_seen(watched: _Watched, problem: str, hint: str) -> Usage:
        known = watched.known or Usage(credential=watched.name, promoted_at=watched.promoted_at)
        return replace(known, problem=problem, hint=hint, is_cut=False)

    def _usage(self, watched: _Watched, user_id: str, read: LoginsRead, own_user: str, now: datetime) -> Usage:
        username = watched.settings.username
        if not user_id:
            return self._not_seen(watched, _NO_USER % username, _GIVE)
        rows = [row for row in read.rows if row.user_id[:15] == user_id[:15]]
        own = self._own(watched, username)
        if not rows and hides_own(read, own):
            return replace(self._not_seen(watched, NOT_SHOWN % username, _GIVE), user_id=user_id)
        if not rows and not read.reaches(watched.promoted_at):
            unseen = self._not_seen(watched, TOO_MANY % username, KEEP_TOKENS)
            return replace(unseen, user_id=user_id, is_cut=True)
        of_current = [login for login in own if login.app.casefold() == watched.current_app.casefold()]
        learnt = learnt_names(rows, of_current) or frozenset(watched.known.applications if watched.known else ())
        of_previous = [login for login in own if login.app.casefold() == watched.previous_app.casefold()]
        current = watched.names_of(watched.current_app, learnt)
        previous = watched.names_of(watched.previous_app, learnt_names(rows, of_previous))
        if watched.current_app.casefold() == watched.previous_app.casefold():
            previous = current
        # Where the program itself comes from, which may be a consumer's machine as well. Where consumers log in as the
        # program's own user that is where all of his logins are from, and tells nothing.
        addresses = {row.address for row in read.rows if own_user and row.user_id[:15] == own_user[:15]}
        theirs, _ = without_own(rows, own, current | previous, addresses=addresses)
        promotion = Promotion(
            at=watched.promoted_at,
            current=current,
            previous=previous,
            settles=watched.settings.left_behind_after,
        )
        sources = sources_of(theirs, promotion, self._settings.orgs[self._org].signature_refusals)
        known = {(each.address, each.client): each for each in watched.known.sources} if watched.known else {}
        return Usage(
            credential=watched.name,
            promoted_at=watched.promoted_at,
            looked_at=now,
            user_id=user_id,
            applications=tuple(sorted(learnt)),
            sources=tuple(with_those_before(sources, known, is_cut=read.is_cut)),
            is_cut=read.is_cut,
        )

    def _own(self, watched: _Watched, username: str) -> list[OwnLogin]:
        return RecordedLogins(self._database).of(
            self._org,
            username,
            apps=watched.settings.app_names,
            client_ids=[each for some in watched.client_ids.values() for each in some],
            since=earlier(watched.since, CLOCKS),
        )
