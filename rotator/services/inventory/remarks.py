"""What is to be said of a credential's state, and what a person is to do: the same for commands, checks and pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.lifecycle.states import CertificateState, CredentialState
from rotator.resources import docs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.errors import Holder
    from rotator.services.inventory.status import CredentialStatus


MOST_NAMED: Final = 10
"""Apps in one sentence."""

_INTERRUPTED: Final = "A rotation was interrupted, and nobody is at it."


@dataclass(frozen=True)
class Remark:
    """What is so, and what to do; empty where nothing is to be done."""

    sentence: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.sentence} {self.hint}".strip()


def remark_on(status: CredentialStatus, now: datetime) -> Remark | None:  # noqa: PLR0911 - one line a state
    """Why the credential is in its state, and what to do about it; None where the word says all."""
    name, life = status.credential, status.life
    match status.state:
        case CredentialState.REFUSED:
            return _refused(status, now)
        case CredentialState.RUNNING if life.running:
            return Remark(_runs(life.running))
        case CredentialState.HALTED if life.halt:
            return Remark(_stopped(status, now), _after_a_halt(status))
        case CredentialState.UNSTORED:
            key = "" if status.settings.has_secret else " --key FILE"
            return Remark("It is not in its store.", f"`rotator adopt {name}{key}`, or `rotator enroll {name}`.")
        case CredentialState.DRIFT if status.settings.has_secret:
            what = f"The app {status.app} uses a consumer key and secret that are not ours to expect."
            return Remark(what, f"`rotator adopt {name}` takes the pair in use into the store.")
        case CredentialState.DRIFT:
            held = words.short(status.live.fingerprint) if status.live and status.live.fingerprint else "no certificate"
            what = f"The app {status.app} holds {held}, which is not ours to expect."
            return Remark(what, f"`rotate restore {name}` puts ours back.")
        case CredentialState.UNFINISHED:
            return Remark(_INTERRUPTED, f"`rotate finish {name}` goes on with it.")
        case CredentialState.DEFERRED if life.due_at:
            return Remark(f"This older version was brought back, and is left alone until {words.moment(life.due_at)}.")
        case CredentialState.NOT_YET_VALID if life.seen and life.seen.current and life.seen.current.not_before:
            begins = words.moment(life.seen.current.not_before)
            if status.settings.has_secret:
                return Remark(f"It was stored at {begins}, by another clock than this one's.")
            return Remark(f"Its certificate is not valid before {begins}. Its key has logged in all the same.")
        case CredentialState.UNKNOWN if status.why_unknown:
            return Remark(status.why_unknown)
    return _remark_on_the_app(status)


def _remark_on_the_app(status: CredentialStatus) -> Remark | None:
    """What stands for the certificate of an app that does not show it."""
    seen, current = status.life.seen, status.current
    app = seen.apps.get(current.app) if seen and current else None
    if app is None or current is None or not app.hidden:
        return None
    accepted_at = status.record.accepted_at
    login = f"a login with it was accepted on {words.moment(accepted_at)}" if accepted_at else "no login was tried yet"
    return Remark(f"The org does not show the certificate of {app.name}; that of the stored key counts: {login}.")


def hidden_apps(lives: Iterable[CertificateLife]) -> tuple[str, ...]:
    """The apps that cannot be looked into, by name."""
    return tuple(sorted(life.seen.app for life in lives if life.state is CertificateState.HIDDEN))


def remark_on_hidden(org: str, names: Sequence[str]) -> Remark | None:
    """Which apps of an org cannot be looked into; None where there are none."""
    if not names:
        return None
    apps = words.count(len(names), "external client app")
    named = words.listed([*names[:MOST_NAMED], *(["others"] if len(names) > MOST_NAMED else [])])
    them = "it, though it may have one" if len(names) == 1 else "theirs, though there may be some"
    return Remark(
        f"{org} shows {apps}, and no certificate of {them}: {named}.",
        f'Why that may be so: {docs("salesforce-setup")}, "What an org does not show".',
    )


def _refused(status: CredentialStatus, now: datetime) -> Remark:
    life = status.life
    so = words.refused(life.refused_since or now, now)
    if life.running:
        return Remark(f"{so} {_runs(life.running)}")
    name, accepted_at = status.credential, status.record.accepted_at
    if status.record.is_accepted_again and accepted_at:
        once = f"A login with its key was accepted on {words.moment(accepted_at)}; one is no proof for every server."
        return Remark(f"{so} {once}", f"`rotate restore {name}` proves it, and ends what was left of the rotation.")
    if life.halt:
        return Remark(f"{so} {_stopped(status, now)}", _after_a_halt(status))
    return Remark(f"{so} {_INTERRUPTED}", f"`rotate finish {name}` goes on with it, and proves a key.")


def _runs(holder: Holder) -> str:
    return f"A rotation is at work, and goes on by itself: {words.holder(holder)}."


def _stopped(status: CredentialStatus, now: datetime) -> str:
    halt = status.life.halt
    if halt is None:
        return ""
    ago = words.distance(halt.since, now)
    return f"A rotation stopped for a person on {words.moment(halt.since)} ({ago}): {halt.why}"


def _after_a_halt(status: CredentialStatus) -> str:
    name, halt = status.credential, status.life.halt
    hint = halt.hint if halt else ""
    if status.life.is_half_done:
        goes_on = f"Then `rotate finish {name}` goes on; `rotate restore {name}` keeps the key that is current."
    else:
        goes_on = f"Then `rotator verify {name}` shows whether its key logs in, and `rotate now {name}` begins anew."
    return f"{hint} {goes_on}".strip()
