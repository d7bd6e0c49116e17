"""Where each managed credential stands: what is stored, what is live, until when, and what was last done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from rotator.core.windows import rest_ends
from rotator.errors import HistoryError, LoginRefused, OrgError, OrgUnavailable, RotatorError
from rotator.services.inventory.states import State, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from rotator.config.settings import CredentialSettings, Settings
    from rotator.core.credentials import Stages, Version
    from rotator.core.crypto.certificates import Certificate
    from rotator.history.records import Rotation
    from rotator.salesforce.apps.connected_app import App
    from rotator.stores.base import Store


class CredentialState(StrEnum):
    """One word for a credential."""

    OK = "ok"
    DUE = "due"
    """Less time is left than `rotate_before`."""
    EXPIRED = "expired"
    DRIFT = "drift"
    """The app that `current` logs in through holds a certificate that nobody knows, or none."""
    UNFINISHED = "unfinished"
    """That app holds another stored version's certificate: a rotation is running, or was interrupted."""
    UNSTORED = "not stored"
    """The store has no current version: adopt or enroll it."""
    UNKNOWN = "unknown"
    """Its store or its org could not be read."""


@dataclass(frozen=True)
class CredentialStatus:
    """All that one line of the status says. What could not be read is None, and `problem` says why."""

    credential: str
    settings: CredentialSettings
    standing: CredentialState
    stages: Stages | None = None
    current: Version | None = None
    live: tuple[tuple[str, Certificate | None], ...] = ()
    """The apps that could be read, in the configured order, and what they hold."""
    last_rotation: Rotation | None = None
    last_promotion: datetime | None = None
    problem: RotatorError | None = None

    @property
    def drift(self) -> bool:
        """Whether the live certificate is none that we know."""
        return self.standing is CredentialState.DRIFT

    @property
    def live_certificate(self) -> Certificate | None:
        """What the app that `current` logs in through holds; without a current version, the first app."""
        app = self.current.app if self.current else self.settings.apps[0]
        return dict(self.live).get(app)

    @property
    def expires_at(self) -> datetime | None:
        """When the current version's certificate expires; before there is one, when the live one does."""
        certificate = self.current.certificate if self.current else self.live_certificate
        return certificate.not_after if certificate else None

    @property
    def due_at(self) -> datetime | None:
        """From when on the current version is to be replaced."""
        if self.current is None or self.expires_at is None:
            return None
        due_at, last = self.expires_at - self.settings.rotate_before, self.last_rotation
        if last is None or last.goal != "back" or last.outcome != "rotated" or self.last_promotion is None:
            return due_at
        return max(due_at, rest_ends(self.last_promotion, self.settings.grace, expires_at=self.expires_at))

    @property
    def previous_until(self) -> datetime | None:
        """When the previous version's grace ends; None where there is none, or its beginning is not known."""
        if self.stages is None or self.stages.previous is None or self.last_promotion is None:
            return None
        return self.last_promotion + self.settings.grace


@dataclass(frozen=True)
class Past:
    """What the history tells of one credential."""

    last_rotation: Rotation | None = None
    last_promotion: datetime | None = None


class StatusReader:
    """Looks at credentials. What cannot be read is said in the result; nothing is raised for it."""

    def __init__(
        self,
        settings: Settings,
        *,
        read_app: Callable[[str, str], App | None],
        store: Callable[[str], Store],
        past: Callable[[str], Past],
        now: datetime,
    ) -> None:
        """`read_app(org, full name)` reads an app, `past(credential)` the history."""
        self._settings: Final = settings
        self._read_app: Final = read_app
        self._store: Final = store
        self._past: Final = past
        self._now: Final = now
        self._away: dict[str, RotatorError] = {}

    def all(self, names: Sequence[str] = ()) -> list[CredentialStatus]:
        """The status of the named credentials, of all when none is named."""
        return [self.one(name) for name in names or self._settings.credentials]

    def one(self, name: str) -> CredentialStatus:
        """The status of one credential."""
        settings, stages, current = self._settings.credentials[name], None, None
        live: tuple[tuple[str, Certificate | None], ...] = ()
        problem: RotatorError | None = None
        try:
            stages, current = self._stored(name, settings)
            live = self._live(settings)
        except RotatorError as error:
            problem = error
        past, past_problem = self._history(name)
        return CredentialStatus(
            credential=name,
            settings=settings,
            standing=CredentialState.UNKNOWN if problem else self._standing(settings, stages, current, dict(live)),
            stages=stages,
            current=current,
            live=live,
            last_rotation=past.last_rotation,
            last_promotion=past.last_promotion,
            problem=problem or past_problem,
        )

    def _stored(self, name: str, settings: CredentialSettings) -> tuple[Stages, Version | None]:
        store = self._store(settings.store)
        stages = store.stages(name)
        return stages, store.read(name, stages.current) if stages.current else None

    def _live(self, settings: CredentialSettings) -> tuple[tuple[str, Certificate | None], ...]:
        return tuple((name, self._app(settings.org, name).certificate) for name in settings.apps)

    def _app(self, org: str, name: str) -> App:
        if org in self._away:
            raise self._away[org]
        try:
            app = self._read_app(org, name)
        except (OrgUnavailable, LoginRefused) as error:
            # An org that is away is waited for once, not once for each of its apps.
            self._away[org] = error
            raise
        if app is None:
            raise OrgError(
                f"The org {org} shows no connected app {name}: missing, or the program's user may not read it.",
                hint="`rotator check` tells more.",
            )
        return app

    def _history(self, name: str) -> tuple[Past, HistoryError | None]:
        try:
            return self._past(name), None
        except HistoryError as error:
            return Past(), error

    def _standing(
        self,
        settings: CredentialSettings,
        stages: Stages | None,
        current: Version | None,
        live: dict[str, Certificate | None],
    ) -> CredentialState:
        if current is None or stages is None:
            return CredentialState.UNSTORED
        held = live.get(current.app)
        if held != current.certificate:
            return (
                CredentialState.UNFINISHED
                if held and held.fingerprint in stages.fingerprints
                else CredentialState.DRIFT
            )
        state = state_of(current.certificate, self._now, settings.rotate_before)
        return {State.EXPIRED: CredentialState.EXPIRED, State.EXPIRING: CredentialState.DUE}.get(
            state, CredentialState.OK
        )
