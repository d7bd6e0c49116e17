"""Test logins with every stored version of some credentials, and what those with `current` prove."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from rotator.core import words
from rotator.core.credentials import CredentialKind, Stage
from rotator.core.lifecycle.revocation import how_to_end
from rotator.core.logins import LoginOutcome
from rotator.errors import OrgError, RotatorError
from rotator.history.journal.projection import ACCESS_SEEN
from rotator.services.inventory.side_by_side import made_at_once, side_by_side
from rotator.services.rotation.recorder import RunRecorder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from rotator.config.settings import CredentialSettings
    from rotator.core.credentials import Fingerprint, Version
    from rotator.core.lifecycle.revocation import Revocation
    from rotator.core.logins import LoginAnswer
    from rotator.history.journal.journal import Journal
    from rotator.services.rotation.observer import Apps, CredentialContext


class Adapters(Protocol):
    """What the logins are made with; each may raise RotatorError."""

    @property
    def journal(self) -> Journal:
        """Where is written down what they prove."""
        ...

    @property
    def now(self) -> Callable[[], datetime]:
        """The machine's clock."""
        ...

    def credential(self, name: str) -> CredentialSettings:
        """A credential's settings."""
        ...

    def credential_context(self, name: str) -> CredentialContext:
        """A credential with its adapters."""
        ...

    def beside(self, orgs: Collection[str]) -> Callable[[], AbstractContextManager[Adapters]]:
        """The same for each of some threads that ask one of these orgs."""
        ...


@dataclass(frozen=True)
class StoredLogin:
    """One test login with a stored version."""

    credential: str
    stage: Stage
    version: Version
    answer: LoginAnswer
    revoked: Revocation | None = None
    """That logins by its credential were ended; None where they were not."""

    @property
    def is_current(self) -> bool:
        """Whether it is the login that consumers of `current` make."""
        return self.stage is Stage.CURRENT

    @property
    def is_accepted(self) -> bool:
        """Whether the org gave a token that works."""
        return self.answer.outcome is LoginOutcome.ACCEPTED

    @property
    def is_as_it_should_be(self) -> bool:
        """Whether consumers of `current` log in, or nobody does with any version of what was revoked."""
        if self.revoked:
            return self.answer.outcome.is_refusal
        return self.is_accepted or not self.is_current

    @property
    def hint(self) -> str:
        """What to tell a person of it; empty where there is nothing."""
        if not self.revoked:
            return self.answer.hint
        revoked = f"It was revoked on {words.moment(self.revoked.since)}"
        if self.is_as_it_should_be:
            return f"{revoked}, so that it is refused is as it should be."
        if self.is_accepted:
            ends = how_to_end(self.credential, self.revoked.wanted)
            return f"{revoked}, and {self.stage} logs in all the same: {ends} ends that."
        return f"{revoked}. {self.answer.hint}"


Live = dict[str, "Fingerprint | None"]
"""What apps hold, by name; without those of which it is not known."""


def try_stored(adapters: Adapters, names: Sequence[str]) -> tuple[list[StoredLogin], tuple[str, ...]]:
    """Logs in once with every stored version, writes down what those with `current` prove, and warns where it cannot.

    Raises why a credential could not be tried, the first of them, when what came before it is written down.
    """
    ends = _tried(adapters, names)
    found: list[StoredLogin] = []
    warnings: list[str] = []
    revoked = adapters.journal.revocations()
    for name in names:
        end = ends[name]
        known = revoked[name] if name in revoked and revoked[name].ends_logins else None
        if isinstance(end, RotatorError):
            raise end
        recorder = RunRecorder(name, partial(_record, adapters, name))
        mine = [replace(login, revoked=known) for login, _ in end]
        for login, live in end:
            note_login(login, live, recorder)
        note_revoked(mine, recorder)
        found += mine
        warnings += recorder.warnings
    return found, tuple(dict.fromkeys(warnings))


def stored_logins(credential: CredentialContext) -> list[Callable[[], StoredLogin]]:
    """A login with each stored version, to be made; with the current one first. Raises StoreError."""
    stages = credential.store.stages(credential.name)
    versions = [(stage, credential.store.read(credential.name, fingerprint)) for stage, fingerprint in stages]
    return [partial(_log_in, credential, stage, version) for stage, version in versions]


def live_certificates(apps: Apps, logins: Iterable[StoredLogin]) -> Live:
    """What the apps hold just now whose current key was accepted; nothing where the org does not say."""
    of_keys = (each for each in logins if each.version.kind is CredentialKind.KEY_PAIR)
    accepted = (each.version.app for each in of_keys if each.is_current and each.is_accepted)
    names = [*dict.fromkeys(accepted)]
    try:
        found = apps.read_each(names) if names else []
    except OrgError:
        return {}
    return {
        name: app.fingerprint for name, app in zip(names, found, strict=True) if app and not isinstance(app, OrgError)
    }


def note_login(login: StoredLogin, live: Mapping[str, Fingerprint | None], recorder: RunRecorder) -> None:
    """Writes down what a login of `current` proved; `live` is what the apps of its org hold.

    One that was accepted proves something where the certificate is live: a server that has not heard of a new one yet
    takes the old key. A client secret that is accepted is in force.
    """
    version, answer = login.version, login.answer
    if not login.is_current:
        return
    is_secret = version.kind is CredentialKind.CLIENT_SECRET
    proves_something = not login.is_accepted or is_secret or live.get(version.app) == version.fingerprint
    recorder.record_event(
        "verify",
        version=version.fingerprint,
        app=version.app,
        outcome=answer.outcome,
        answer=answer.reason,
        of_current=proves_something or None,
        by="verify",
    )


def note_revoked(logins: Sequence[StoredLogin], recorder: RunRecorder) -> None:
    """Writes down whether anything that is stored of a revoked credential logs in, where the org has told."""
    told = [each for each in logins if each.revoked and (each.is_accepted or each.answer.outcome.is_refusal)]
    accepted = [each for each in told if each.is_accepted]
    if accepted or (told and len(told) == len(logins)):
        tells = (accepted or told)[0]
        recorder.record_event(
            ACCESS_SEEN, version=tells.version.fingerprint, outcome=tells.answer.outcome, answer=tells.answer.reason
        )


_Tried = dict[str, "list[tuple[StoredLogin, Live]] | RotatorError"]


def _tried(adapters: Adapters, names: Sequence[str]) -> _Tried:
    """The logins of each credential, or why there are none: the orgs side by side, and of each all logins at once."""
    orgs: dict[str, list[str]] = {}
    for name in names:
        orgs.setdefault(adapters.credential(name).org, []).append(name)

    def of_org(org: str) -> _Tried:
        with adapters.beside(orgs)() as mine:
            return _tried_in_org(mine, orgs[org])

    return {name: end for ends in side_by_side(of_org, [*orgs]) for name, end in ends.items()}


def _tried_in_org(adapters: Adapters, names: Sequence[str]) -> _Tried:
    ends: _Tried = {}
    apps: Apps | None = None
    logins: list[Callable[[], StoredLogin]] = []
    for name in names:
        try:
            context = adapters.credential_context(name)
            logins += stored_logins(context)
            ends[name], apps = [], context.apps
        except RotatorError as error:
            ends[name] = error
    made = made_at_once(logins)
    live = live_certificates(apps, made) if apps else {}
    for login in made:
        end = ends[login.credential]
        if not isinstance(end, RotatorError):
            end.append((login, live))
    return ends


def _log_in(credential: CredentialContext, stage: Stage, version: Version) -> StoredLogin:
    return StoredLogin(credential.name, stage, version, credential.prove(version))


def _record(adapters: Adapters, name: str, kind: str, /, **details: Any) -> None:
    adapters.journal.record(kind, now=adapters.now(), credential=name, **details)
