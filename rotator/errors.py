"""Every error that a person can meet: what happened, what was left as it was, what to do now."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from types import MethodType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from rotator.plain_text import lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

T = TypeVar("T")

NOTHING_CHANGED: Final = "Nothing was changed."
"""What was left as it was, where that is all."""


class RotatorError(Exception):
    """An error in the words of the person who meets it.

    `message` says what happened and to which org, app, store or file; `effect` what was left as it was; `hint` what to
    do about it, whoever reads that and wherever; `rerun` what who typed a command does then. A command shows both, as
    `advice`; a message to people who typed none has words of its own for how it goes on. None of these ever holds a
    secret, and each is text that may be shown, whatever an org or a store had to say (`rotator.plain_text`).
    """

    message: str
    effect: str
    hint: str
    rerun: str

    transient: bool = False
    """Time alone may mend it: nothing is lost, and it may be tried again."""

    wrote_nothing: bool = False
    """Of an error that a write to an org ended with: it is certain that nothing was changed."""

    org: str | None = None
    """The org that it is about, by its name in the configuration."""

    store: str | None = None
    """The store that it is about, by its name in the configuration."""

    refused_since: datetime | None = None
    """Of an error that ended a rotation half-way: since when consumers of its credential may be refused."""

    if TYPE_CHECKING:

        def __init__(self, message: str, *, hint: str = "", effect: str = "", rerun: str = "") -> None: ...
    else:

        def __init__(self, message, *, hint="", effect="", rerun="", advice="", left=""):
            # `advice` and `left` are what a plug-in of the release before says; to be removed with the next one.
            self.message = lines(message)
            super().__init__(self.message)
            self.effect = lines(effect or left)
            self.hint = lines(hint or advice)
            self.rerun = lines(rerun)

    @property
    def advice(self) -> str:
        """What to do, for who typed a command."""
        return " ".join(part for part in (self.hint, self.rerun) if part)

    def __str__(self) -> str:
        return " ".join(part for part in (self.message, self.effect, self.hint) if part)


class ConfigurationError(RotatorError):
    """config.yaml, the environment or the command line says something that cannot be meant. Nothing was touched."""


class CertificateError(RotatorError):
    """A certificate or key is not what it should be: unreadable, of the wrong kind, not matching."""


class StoreError(RotatorError):
    """A store answered, and the answer is no: missing version, damaged files, no permission."""


class StoredDamaged(StoreError):
    """What a store holds of one credential is damaged, gone, or not this program's. What it holds of others is not."""


class StoreUnavailable(StoreError):
    """A store cannot be reached or is full just now."""

    transient = True


class OrgError(RotatorError):
    """An org answered, and the answer is no: missing app, missing permission, a refused write."""


class LoginRefused(OrgError):
    """The org refused the program's own login or a test login."""


class OrgUnavailable(OrgError):
    """An org cannot be reached or asks to be called later."""

    transient = True


class WriteUncertain(OrgUnavailable):
    """A write to an org was sent and its answer did not come, or could not be checked. Look at the org again."""


class HistoryError(RotatorError):
    """The history database cannot be used as it is: of a newer version, damaged, not writable."""


class HistoryUnavailable(HistoryError):
    """The history database is away, full or locked just now."""

    transient = True


class LockLost(HistoryUnavailable):
    """A lock was lost while its holder lived, so that another process may have it; nothing is changed any more."""


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock."""

    pid: int
    host: str
    since: datetime


class LockHeld(RotatorError):
    """Another process holds a lock right now."""

    transient = True

    def __init__(
        self, message: str, *, hint: str = "", effect: str = "", rerun: str = "", holder: Holder | None = None
    ) -> None:
        """`holder` is None where it is not known: it has not signed yet, or has let go of the lock already."""
        super().__init__(message, hint=hint, effect=effect, rerun=rerun)
        self.holder = holder


class RotationRunning(LockHeld):
    """Another process is rotating this credential right now."""


class RotationHeldUp(RotatorError):
    """A rotation by schedule was paused before it began."""

    transient = True


class DaemonRunning(LockHeld):
    """Another `rotator run` works on this database right now."""


class RotationHalted(RotatorError):
    """A rotation stopped where only a person can go on."""


class RotationReverted(RotatorError):
    """The new certificate never logged in; the old one is back and proven."""


@contextmanager
def concerning(*, org: str | None = None, store: str | None = None) -> Iterator[None]:
    """Has errors that leave the context name the org or the store that they are about, unless they do already."""
    try:
        yield
    except RotatorError as error:
        error.org = error.org or org
        error.store = error.store or store
        raise


@contextmanager
def before_a_write() -> Iterator[None]:
    """Has errors of an org that leave the context say that nothing was changed, whatever they are."""
    try:
        yield
    except OrgError as error:
        error.wrote_nothing = True
        raise


class _Naming:
    """An adapter whose errors name the org or the store that they are about."""

    def __init__(self, adapter: object, subject: Mapping[str, str]) -> None:
        self._adapter: Final = adapter
        self._subject: Final = subject

    def __getattr__(self, name: str) -> Any:
        with concerning(**self._subject):
            found = getattr(self._adapter, name)
        if not isinstance(found, MethodType):
            return found

        @wraps(found)
        def named(*arguments: Any, **options: Any) -> Any:
            with concerning(**self._subject):
                return found(*arguments, **options)

        # The next time it is found at once.
        self.__dict__[name] = named
        return named


def naming(adapter: T, **subject: str) -> T:
    """The adapter, with `concerning` around everything that it does."""
    # It stands for the adapter: whoever is given it asks for nothing but what the adapter has.
    return cast("T", _Naming(adapter, subject))
