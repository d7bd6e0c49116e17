"""Who uses a credential before it is rotated: the logins of a month, and the tokens that its user was given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from rotator.core.thresholds import earlier
from rotator.core.usage.own_logins import CLOCKS, learnt_names, without_own
from rotator.core.usage.sources import Promotion, sources_of
from rotator.errors import HistoryError, RotatorError
from rotator.history.usage.recorded_logins import RecordedLogins
from rotator.portions import portions
from rotator.salesforce.access.login_history import MOST_USERS, PERMISSION, LoginsRead
from rotator.services.inventory.side_by_side import begun
from rotator.services.usage.login_watch import BEFORE, KEEP_TOKENS, NOT_SHOWN, TOO_MANY, hides_own

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.core.posture.facts import Use
    from rotator.core.usage.sources import Source
    from rotator.history.engine.transactions import Transactions
    from rotator.salesforce.access.last_uses import LastUses
    from rotator.salesforce.access.login_history import LoginHistory

_NONE: Final = "No login of its user was seen in 30 days."
_OR_HIDDEN: Final = f'An org shows those of others only to a user with the permission "{PERMISSION}".'
_GIVE: Final = f'Give the program\'s user the permission "{PERMISSION}".'


@dataclass(frozen=True, kw_only=True)
class AppUse:
    """Who uses one credential."""

    username: str
    sources: tuple[Source, ...] = ()
    """Where its user logged in from through its apps, without the program's own logins; the last one first."""
    tokens: tuple[Use, ...] = ()
    """Tokens that its user was given for an app of it, with their last uses, as far as the org shows them."""
    is_cut: bool = False
    """There were more logins than one reading takes."""
    why_not: str = ""
    """Why logins are not visible; empty where they are."""
    hint: str = ""


class UsersBefore:
    """Asks one org for all users at once. What an org refuses is in the result."""

    def __init__(self, settings: Settings, database: Transactions, org: str) -> None:
        self._settings: Final = settings
        self._database: Final = database
        self._org: Final = org

    def of(self, names: Sequence[str], logins: LoginHistory, last_uses: LastUses, now: datetime) -> dict[str, AppUse]:
        """Who uses these credentials of the org. Raises HistoryError."""
        wanted = {name: self._settings.credentials[name].username for name in names}
        since = earlier(now, BEFORE)
        try:
            ids = logins.user_ids(wanted.values())
        except HistoryError:
            raise
        except RotatorError as error:
            return {
                name: AppUse(username=username, why_not=error.message, hint=error.hint)
                for name, username in wanted.items()
            }
        by_id = {user_id: username for username, user_id in ids.items()}
        asked = begun(lambda: self._tokens(last_uses, by_id))
        refusal: RotatorError | None = None
        reads: dict[str, LoginsRead] = {}
        try:
            reads = self._read(logins, [*by_id], since)
        except HistoryError:
            raise
        except RotatorError as error:
            refusal = error
        tokens = asked.result()
        nothing = LoginsRead(())
        found = {name: reads.get(ids.get(username, ""), nothing) for name, username in wanted.items()}
        return {name: self._use(name, ids, refusal or read, tokens, since) for name, read in found.items()}

    @staticmethod
    def _read(logins: LoginHistory, user_ids: Sequence[str], since: datetime) -> dict[str, LoginsRead]:
        """By the id of a user what was read of him and of others."""
        found: dict[str, LoginsRead] = {}
        for some in portions(user_ids, MOST_USERS):
            found |= dict.fromkeys(some, logins.read(some, since))
        return found

    @staticmethod
    def _tokens(last_uses: LastUses, by_id: Mapping[str, str]) -> tuple[Use, ...]:
        """None where the org does not show them; who may not see others' is not told so."""
        try:
            return last_uses.tokens(by_id)
        except RotatorError:
            return ()

    def _use(
        self, name: str, ids: Mapping[str, str], read: LoginsRead | RotatorError, tokens: Sequence[Use], since: datetime
    ) -> AppUse:
        settings, records = self._settings.credentials[name], RecordedLogins(self._database)
        username, user_id = settings.username, ids.get(settings.username, "")
        by_app = records.client_ids(self._org, settings.app_names)
        client_ids = [each for some in by_app.values() for each in some]
        apps = {*settings.app_names, *client_ids, *(app.replace("_", " ") for app in settings.app_names)}
        if isinstance(read, RotatorError):
            theirs = _tokens_of(username, tokens, apps)
            return AppUse(username=username, tokens=theirs, why_not=read.message, hint=read.hint)
        rows = [row for row in read.rows if user_id and row.user_id[:15] == user_id[:15]]
        about = {"apps": settings.app_names, "client_ids": client_ids}
        own = records.of(self._org, username, **about, since=earlier(since, CLOCKS))
        for app in settings.app_names:
            apps |= learnt_names(rows, [login for login in own if login.app.casefold() == app.casefold()])
        use = AppUse(username=username, tokens=_tokens_of(username, tokens, apps), is_cut=read.is_cut)
        if not rows:
            if hides_own(read, own):
                return replace(use, why_not=NOT_SHOWN % username, hint=_GIVE)
            why, hint = (TOO_MANY % username, KEEP_TOKENS) if read.is_cut else (_NONE, _OR_HIDDEN)
            return replace(use, why_not=why, hint=hint)
        refusals = self._settings.orgs[self._org].signature_refusals
        logins, _ = without_own(rows, own, apps)
        return replace(use, sources=tuple(sources_of(logins, Promotion(at=since, current=apps), refusals)))


def _tokens_of(username: str, tokens: Sequence[Use], apps: Collection[str]) -> tuple[Use, ...]:
    labels = {app.casefold() for app in apps}
    return tuple(each for each in tokens if each.username == username and each.app.casefold() in labels)
