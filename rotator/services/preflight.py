"""Trying everything that a rotation needs, without changing anything in an org."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from rotator.config.daemon import HOW_TO_MAKE_ONE, can_be_guessed
from rotator.config.settings import LoginWithKey, WriteMode
from rotator.core import words
from rotator.core.credentials import key_version
from rotator.core.lifecycle.states import CredentialState
from rotator.errors import ConfigurationError, HistoryError, OrgError, OrgUnavailable, RotatorError
from rotator.history.engine.damage import RESTORE_ROW
from rotator.history.engine.database import file_of
from rotator.history.journal.evidence import key_fault
from rotator.history.row_check import unreadable_rows
from rotator.salesforce.hosts import refuse_generic_host
from rotator.salesforce.permissions import not_seen
from rotator.salesforce.soap import API_VERSION
from rotator.services.checked import Check, NothingToCheck, Result, contents_of
from rotator.services.credential_checks import check_key, check_pairs, check_stored
from rotator.services.inventory.live_apps import held
from rotator.services.inventory.remarks import remark_on
from rotator.services.inventory.side_by_side import begun, made_at_once, side_by_side
from rotator.services.rotation.own_login import refuse_own_client_ids
from rotator.services.rotation.requests import how_to_begin

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from contextlib import AbstractContextManager
    from datetime import datetime

    from rotator.alerts.base import Channel
    from rotator.config.settings import CredentialSettings, Settings
    from rotator.history.engine.database import Database
    from rotator.hooks.base import Hook
    from rotator.salesforce.apps.acceptance import Acceptance
    from rotator.salesforce.apps.app import App
    from rotator.salesforce.apps.org_apps import OrgApps
    from rotator.salesforce.metadata import MetadataService
    from rotator.salesforce.session import OrgSession
    from rotator.services.inventory.live_apps import ReadApp
    from rotator.services.inventory.status import CredentialStatus
    from rotator.services.rotation.observer import CredentialContext
    from rotator.stores.base import Examined, Store

LARGEST_SKEW: Final = timedelta(seconds=60)
"""How far this machine's clock may be from an org's: an assertion lives for three minutes."""

_MOST_NAMED: Final = 5
"""Of the rows of the history that cannot be read."""

_WRONG: Final = frozenset({CredentialState.REFUSED, CredentialState.HALTED, CredentialState.UNFINISHED})
"""States in which a rotation by schedule would not begin, though key and certificate may match."""


class Adapters(Protocol):
    """What the checks are made with; each may raise RotatorError when it is first asked for."""

    @property
    def settings(self) -> Settings:
        """All of config.yaml."""
        ...

    @property
    def environ(self) -> Mapping[str, str]:
        """Variables that secret references may name."""
        ...

    @property
    def database(self) -> Database:
        """The history database."""
        ...

    @property
    def now(self) -> Callable[[], datetime]:
        """The machine's clock."""
        ...

    def store(self, name: str) -> Store:
        """The store of that name in the configuration."""
        ...

    def statuses(
        self, names: Sequence[str], now: datetime, *, read_app: ReadApp | None = ...
    ) -> list[CredentialStatus]:
        """Where credentials stand, by what was read of their apps."""
        ...

    def beside(self, orgs: Collection[str]) -> Callable[[], AbstractContextManager[Adapters]]:
        """The same for each of some threads that ask one of these orgs."""
        ...

    def org_session(self, name: str) -> OrgSession:
        """The program's own login to an org."""
        ...

    def apps(self, name: str) -> OrgApps:
        """The apps of an org."""
        ...

    def metadata(self, org: str) -> MetadataService:
        """Calls in an org."""
        ...

    def credential_context(self, name: str) -> CredentialContext:
        """A credential with its adapters."""
        ...

    def channel(self, name: str) -> Channel:
        """A place where people read."""
        ...

    def hook(self, name: str) -> Hook:
        """What is called after rotations."""
        ...


def checks(adapters: Adapters, *, validates: bool = True) -> Iterator[Check]:
    """Every check; one that fails stops only those that rest on it. `validates`: orgs check a deployment, too."""
    return _Checks(adapters, validates=validates).all()


class _Checks:
    def __init__(self, adapters: Adapters, *, validates: bool) -> None:
        self._adapters: Final = adapters
        self._validates: Final = validates
        self._settings: Final = adapters.settings
        self._failed: set[str] = set()
        self._held: dict[str, Mapping[str, App | OrgError | None]] = {}
        """What was read of the apps of each org."""
        self._accepted: dict[str, Future[Mapping[str, Acceptance]]] = {}
        """What each org says to other certificates for them."""

    def all(self) -> Iterator[Check]:
        """Each check when it has been made."""
        yield Check("configuration", Result.OK, contents_of(self._settings))
        yield self._try("history", self._history)
        yield self._try("signing key", self._signing_key, needs=("history",))
        if file_of(self._settings.database.url) is None:
            from rotator.queue.rights import checked_rights  # noqa: PLC0415 - over a file it is not loaded

            yield self._try("machines", lambda: checked_rights(self._adapters.database), needs=("history",))
        for store in self._settings.stores:
            yield self._try(f"store {store}", partial(self._store, store))
        for checked in side_by_side(self._org, [*self._settings.orgs]):
            yield from checked
        for name, credential in self._settings.credentials.items():
            yield from self._credential(name, credential)
        channels, hooks = self._settings.alerts.channels, self._settings.hooks.after_rotation
        for kind, name in [*(("channel", each) for each in channels), *(("hook", each) for each in hooks)]:
            yield self._try(f"{kind} {name}", partial(self._opened, kind, name))
        of_keys = {name: each for name, each in self._settings.credentials.items() if not each.has_secret}
        for name, credential in of_keys.items() if self._validates else ():
            yield self._try(f"upload of {name}", partial(self._acceptance, credential), needs=(f"apps of {name}",))
        yield self._try("pages", self._pages)

    def _org(self, org: str) -> list[Check]:
        """Made in a thread of its own, where there are several orgs."""
        login = f"login to {org}"
        with self._adapters.beside(self._settings.orgs)() as adapters:
            first = [
                self._try(login, partial(self._login, adapters, org)),
                self._try(f"clock of {org}", partial(self._clock, adapters, org), needs=(login,)),
            ]
            metadata = partial(self._read_and_begin_validation, adapters, org, needs=(login,))
            calls = partial(self._try, f"calls to {org}", partial(self._calls, adapters, org), needs=(login,))
            return [*first, *made_at_once([metadata, calls])]

    def _read_and_begin_validation(self, adapters: Adapters, org: str, *, needs: tuple[str, ...]) -> Check:
        check = self._try(f"metadata of {org}", partial(self._metadata, adapters, org), needs=needs)
        if self._validates and check.result is Result.OK:
            self._accepted[org] = begun(partial(self._validated, org))
        return check

    def _validated(self, org: str) -> Mapping[str, Acceptance]:
        """Made in a thread of its own: it takes longer than all that is checked of the credentials meanwhile."""
        with self._adapters.beside(self._settings.orgs)() as adapters:
            of_keys = (each for each in self._settings.credentials.values() if each.org == org and not each.has_secret)
            read = [self._held[org].get(name) for name in {name: None for each in of_keys for name in each.app_names}]
            apps = [app for app in read if app and not isinstance(app, OrgError)]
            return adapters.apps(org).acceptances(apps, adapters.now())

    def _credential(self, name: str, credential: CredentialSettings) -> Iterator[Check]:
        apps = f"apps of {name}"
        yield self._try(apps, partial(self._apps, name, credential), needs=(f"metadata of {credential.org}",))
        store = f"store {credential.store}"
        if self._has_settings(credential.store):
            yield self._try(f"secret of {name}", partial(self._secret, name, credential), needs=(store,))
        needs = (store, apps)
        yield self._try(f"key of {name}", partial(self._key, name, credential), needs=needs)

    def _try(self, name: str, attempt: Callable[[], str], *, needs: tuple[str, ...] = ()) -> Check:
        missing = next((need for need in needs if need in self._failed), None)
        if missing:
            self._failed.add(name)
            return Check(name, Result.SKIPPED, f"Not tried, because the check `{missing}` did not pass.")
        try:
            return Check(name, Result.OK, attempt())
        except NothingToCheck as nothing:
            return Check(name, Result.SKIPPED, nothing.sentence, nothing.hint)
        except RotatorError as error:
            self._failed.add(name)
            return Check(name, Result.FAILED, error.message, error.advice)

    def _history(self) -> str:
        database = self._adapters.database
        if database.stands_in_for:
            raise NothingToCheck(
                f"There is no history yet: the first command that writes makes {database.stands_in_for}.", ""
            )
        database.prove_sessions()
        rows = unreadable_rows(database)
        if rows:
            raise HistoryError(
                f"The history {database.name} has {words.count(len(rows), 'value')} that cannot be read:"
                f" {words.listed(map(str, rows[:_MOST_NAMED]))}{' and more' if len(rows) > _MOST_NAMED else ''}.",
                effect="Everything else of it counts.",
                hint=RESTORE_ROW,
            )
        why = self._settings.database.insecure
        unproven = f" Its server is not proven to be the right one: {why}" if why else ""
        return f"{database.name} is at version {database.version}.{unproven}"

    def _signing_key(self) -> str:
        """Looked at only: no key is made here, and nothing is signed."""
        database = self._adapters.database
        signer = database.signer
        if signer is not None:
            with database.reading() as connection:
                fault = key_fault(connection, signer)
            if fault:
                raise HistoryError(fault.sentence, hint=fault.hint)
        public = signer.public_key() if signer else ""
        if not public:
            raise NothingToCheck("There is none yet: the first event that is written makes it.", "")
        return f"It is there, and belongs to what was signed last: {public}."

    def _store(self, name: str) -> str:
        self._adapters.store(name).check()
        return "A secret was written, read back and destroyed."

    @staticmethod
    def _login(adapters: Adapters, org: str) -> str:
        session = adapters.org_session(org)
        return f"The org {session.org_id} at {session.instance_url} gave a session."

    @staticmethod
    def _clock(adapters: Adapters, org: str) -> str:
        theirs = adapters.org_session(org).server_time
        if theirs is None:
            raise NothingToCheck("The org did not tell its time.", "")
        skew = abs(adapters.now() - theirs)
        if skew > LARGEST_SKEW:
            raise OrgError(
                f"This machine's clock and the org's are {round(skew.total_seconds())} seconds apart.",
                hint="Set this machine's clock (NTP): an org refuses assertions that are too old.",
            )
        return f"This machine's clock and the org's agree within {LARGEST_SKEW.seconds} seconds."

    def _metadata(self, adapters: Adapters, org: str) -> str:
        apps = adapters.apps(org)
        mine = (each for each in self._settings.credentials.values() if each.org == org)
        names = [*dict.fromkeys(app for each in mine if not each.has_secret for app in each.app_names)]
        questions: list[Callable[[], Any]] = [apps.check_version, apps.check_access, partial(apps.read_each, names)]
        newest, hidden, found = made_at_once(questions)
        self._held[org] = dict(zip(names, found, strict=True))
        is_open = "The Metadata API is open to the program's user, and with it the permission to modify metadata."
        speaks = f"The org offers its versions up to {newest}; rotator speaks {API_VERSION}."
        return words.sentences(is_open, speaks, not_seen(hidden))

    @staticmethod
    def _calls(adapters: Adapters, org: str) -> str:
        try:
            daily = adapters.metadata(org).daily_calls()
        except OrgUnavailable:
            raise
        except OrgError as error:
            raise NothingToCheck(f"The org does not tell its limits. {error.message}", "") from None
        return f"{daily.left:,} of {daily.most:,} API calls of the day are left."

    def _apps(self, name: str, credential: CredentialSettings) -> str:
        if credential.has_secret:
            return check_pairs(self._adapters.credential_context(name), self._adapters.now())
        found = {app: self._app(credential.org, app) for app in credential.app_names}
        absent = [app for app, held in found.items() if held is None]
        if absent:
            raise self._adapters.apps(credential.org).absent(*absent)
        org = self._settings.orgs[credential.org]
        refuse_generic_host(credential.org, credential.addresses(org), found.values)
        if isinstance(org.login, LoginWithKey):
            client_ids = {app.full_name: app.client_id for app in found.values() if app}
            refuse_own_client_ids(name, credential, org.login, client_ids)
        apps = self._adapters.apps(credential.org)
        said = (str(apps.admission(app) or "") for app in found.values() if app)
        return words.sentences(f"{' and '.join(credential.app_names)} can be read.", *said)

    def _app(self, org: str, name: str) -> App | None:
        app = self._held[org].get(name)
        if isinstance(app, OrgError):
            raise app
        return app

    def _acceptance(self, credential: CredentialSettings) -> str:
        answers = self._accepted[credential.org].result()
        found = [answers[name] for name in credential.app_names]
        is_needed = self._settings.orgs[credential.org].write is WriteMode.DEPLOY
        for error in (each.refused or (each.untried if is_needed else None) for each in found):
            if error:
                raise error
        if untried := next((each for each in found if each.untried), None):
            raise NothingToCheck(untried.sentence, untried.hint)
        return words.sentences(*(each.sentence for each in found))

    def _secret(self, name: str, credential: CredentialSettings) -> str:
        """Settings of the place that holds this credential; `_store` tries another one."""
        store = cast("Examined", self._adapters.store(credential.store))
        return words.sentences(*(store.examine(name) or ["Nothing in its settings hinders a rotation."]))

    def _has_settings(self, store: str) -> bool:
        try:
            return hasattr(self._adapters.store(store), "examine")
        except RotatorError:
            return False  # The check of the store says why.

    def _key(self, name: str, credential: CredentialSettings) -> str:
        store = self._adapters.store(credential.store)
        fingerprint = store.stages(name).current
        self._state_is_well(name)
        if fingerprint is None:
            hint = how_to_begin(name, has_secret=credential.has_secret)
            raise NothingToCheck(f"The store {store.name} has no current version.", hint)
        if credential.has_secret:
            return check_stored(self._adapters.credential_context(name))
        version = store.read(name, fingerprint)  # Proves that its key and its certificate match.
        for _, other in store.stages(name):
            store.read(name, other)
        app = self._app(credential.org, version.app)
        return check_key(
            name, key_version(version), app, lambda each: self._adapters.credential_context(name).prove(each)
        )

    def _state_is_well(self, name: str) -> None:
        """Raises what is wrong with a credential by its state, whatever its key and its certificate look like."""
        now = self._adapters.now()
        [status] = self._adapters.statuses(
            [name], now, read_app=lambda org, app: held(org, app, self._held[org].get(app))
        )
        remark = remark_on(status, now)
        if remark and status.life.is_left_alone:
            raise NothingToCheck(remark.sentence, remark.hint)
        if remark and (status.state in _WRONG or status.life.is_lost or status.life.revoked):
            raise OrgError(remark.sentence, hint=remark.hint)

    def _opened(self, kind: str, name: str) -> str:
        return (self._adapters.hook(name) if kind == "hook" else self._adapters.channel(name)).check()

    def _pages(self) -> str:
        """Nothing listens for this: whether they are served is what `/healthz` tells."""
        pages = self._settings.http
        if pages is None:
            raise NothingToCheck("There are none: the configuration says `http: null`.", "")
        if pages.token is not None and pages.process == "own":
            # The token may be passed to the unit of `rotator pages` alone.
            try:
                pages.token.resolve(self._adapters.environ)
            except ConfigurationError as error:
                raise NothingToCheck(f"Their token is for `rotator pages` to read: {error.message}", "") from None
        token, _ = pages.tokens(self._adapters.environ)
        if token is None:
            return f"Only this machine reaches those at {pages.host}, and they ask it for no token."
        if can_be_guessed(token):
            return f"Those at {pages.host} ask for a token, which others on this machine can guess. {HOW_TO_MAKE_ONE}"
        return f"Those at {pages.host} ask for a token, which nobody can guess."
