"""Programs whose every call to store, org and history is watched: what must hold after each, and what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from rotator.application import Application
from rotator.core.credentials import key_version
from rotator.core.crypto.keys import PrivateKey
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.errors import (
    HistoryError,
    HistoryUnavailable,
    OrgError,
    OrgUnavailable,
    RotatorError,
    StoreError,
    StoreUnavailable,
    WriteUncertain,
)
from rotator.history.journal.journal import Journal
from rotator.services.rotation.report import Silent

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.credentials import KeyVersion
    from rotator.services.rotation.observer import CredentialContext
    from rotator.services.rotation.report import Report
    from rotator.services.rotation.requests import Request
    from tests.rotation.ground import Ground

_T = TypeVar("_T")

CHANGES: Final = frozenset(
    {
        *(f"store.{name}" for name in ("put_pending", "recall", "promote", "discard", "retire", "sweep")),
        "org.replace_certificate",
        *(f"history.{name}" for name in ("begin_rotation", "finish_rotation", "record")),
    }
)
"""Calls that may leave something behind."""

_READS: Final = frozenset({"stages", "read", "read_all", "open_rotation", "last_promotion", "promoted_version"})
_WATCHED: Final = _READS | {name.partition(".")[2] for name in CHANGES}


class Proxy:
    """Stands before a store, an org or a history, and lets a watcher see every call."""

    def __init__(self, kind: str, target: object, watcher: Watcher) -> None:
        self._kind, self._target, self._watcher = kind, target, watcher

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if name not in _WATCHED:
            return found
        return lambda *given, **named: self._watcher.call(f"{self._kind}.{name}", partial(found, *given, **named))


class Watcher:
    """Sees every call; this one lets all of them pass."""

    def call(self, name: str, call: Callable[[], _T]) -> _T:
        """Makes a call, or does not."""
        raise NotImplementedError

    def try_login(self, call: Callable[[], LoginAnswer]) -> LoginAnswer:
        """Makes a test login, or gives an answer instead."""
        return self.call("org.prove", call)


class WatchedApplication(Application):
    """The program with a watcher between itself and the world."""

    watcher: Watcher

    def credential_context(self, name: str) -> CredentialContext:
        """See Application."""
        found = super().credential_context(name)
        return replace(
            found,
            store=cast("Any", Proxy("store", found.store, self.watcher)),
            apps=cast("Any", Proxy("org", found.apps, self.watcher)),
            prove=lambda version: self.watcher.try_login(partial(found.prove, version)),
            last_promotion=lambda: self.journal.last_promotion(name),
            open_rotation=lambda: self.journal.open_rotation(name),
            known=lambda: self.journal.credential_record(name),
            new_key=PrivateKey.generate,
        )

    @property
    def journal(self) -> Journal:
        """See Application."""
        return cast("Journal", Proxy("history", Journal(self.database), self.watcher))


@dataclass(frozen=True)
class Scenario:
    """A request, the world in which it is made, and the world in which it must end."""

    name: str
    credential: str
    prepare: Callable[[Ground], object]
    handle: Callable[[Application], Report]
    check: Callable[[Ground, Report], None]
    """Raises AssertionError unless the world is as it must be at the end."""
    worlds: int
    """How many kinds of world its crashes leave, at the least."""
    made: int = 1
    """How many versions come into the store on the way, however often it crashes."""
    by_hand: bool = False
    """A person has changed the app of `current` before."""

    def __str__(self) -> str:
        return self.name


def handle(credential: str, request: Request) -> Callable[[Application], Report]:
    """What the command line does with a request."""
    return lambda app: app.rotation_service(credential, listener=Silent(), stop_asked=lambda: False).handle(request)


class BrokenPromiseError(AssertionError):
    """A rule of a rotation does not hold; the message says which."""


@dataclass
class Promises:
    """What must hold at every moment, whoever crashes."""

    ground: Ground
    scenario: Scenario
    ever: frozenset[str] = frozenset()
    """Every version that has been in the store."""

    def check(self) -> None:
        """Raises BrokenPromiseError."""
        store, name = self.ground.store, self.scenario.credential
        stages = store.stages(name)
        versions = {fingerprint: key_version(store.read(name, fingerprint)) for fingerprint in stages.fingerprints}
        self.ever |= stages.fingerprints
        self._nobodys_key_is_lost(versions)
        if stages.current is None or self.scenario.by_hand:
            return
        current = versions[stages.current]
        self._promise(
            any(v.app == current.app and self._logs_in(v) for v in versions.values()),
            "some stored version logs in through the app of `current`",
        )
        if self.scenario.credential in {"warehouse", "managers"} and not self._keeps_key(versions.values()):
            self._promise(self._logs_in(current), "alternating: `current` logs in at every moment")

    def _nobodys_key_is_lost(self, versions: dict[Any, KeyVersion]) -> None:
        for name, app in self.ground.apps.items():
            held = app.live_certificate
            lost = held is not None and held.fingerprint in self.ever and held.fingerprint not in versions
            self._promise(not lost, f"the key of what {name} holds is still stored")

    def _logs_in(self, version: KeyVersion) -> bool:
        held = self.ground.apps[version.app].live_certificate
        return held is not None and version.private_key.matches(held)

    @staticmethod
    def _keeps_key(versions: Any) -> bool:
        found = [version.private_key.public_fingerprint for version in versions]
        return len(set(found)) < len(found)

    def _promise(self, holds: bool, text: str) -> None:
        if not holds:
            raise BrokenPromiseError(f"{text}: {self.ground.describe(self.scenario.credential)}")


@dataclass
class Failing(Watcher):
    """Lets one call fail, and every other pass."""

    promises: Promises
    at: int
    with_effect: bool
    lasting: bool
    """Whether the call is refused, not only unanswered for a while."""
    calls: list[str] = field(default_factory=list)

    def call(self, name: str, call: Callable[[], _T]) -> _T:
        self.calls.append(name)
        fails = len(self.calls) - 1 == self.at
        result = call() if self.with_effect or not fails else None
        if name in CHANGES:
            self.promises.check()
        if fails:
            raise failure(name, lasting=self.lasting)
        return cast("_T", result)

    def try_login(self, call: Callable[[], LoginAnswer]) -> LoginAnswer:
        try:
            return super().try_login(call)
        except OrgError:
            outcome = LoginOutcome.CONFIGURATION if self.lasting else LoginOutcome.TRANSIENT
            return LoginAnswer(outcome, "an answer of the scenario")


def failure(name: str, *, lasting: bool) -> RotatorError:
    """What a call says when it fails."""
    kind = name.partition(".")[0]
    unanswered = WriteUncertain if name in CHANGES else OrgUnavailable
    kinds: dict[str, tuple[type[RotatorError], type[RotatorError]]] = {
        "store": (StoreError, StoreUnavailable),
        "org": (OrgError, unanswered),
        "history": (HistoryError, HistoryUnavailable),
    }
    return kinds[kind][0 if lasting else 1](f"A test lets {name} fail.", rerun="Run it again.")
