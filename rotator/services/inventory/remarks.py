"""What is to be said of a credential's state, and what a person is to do: the same for commands, checks and pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.decision.actions import HaltReason, how_to_bring_back
from rotator.core.lifecycle.drift import has_other_consumer_key, refuses_stored
from rotator.core.lifecycle.revocation import how_to_end, how_to_end_again, in_words, what_is_undone
from rotator.core.lifecycle.states import CertificateState, CredentialState
from rotator.core.logins import LoginOutcome
from rotator.resources import docs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.core.lifecycle.revocation import Revocation
    from rotator.errors import Holder
    from rotator.history.journal.projection import CredentialRecord
    from rotator.services.inventory.status import CredentialStatus


MOST_NAMED: Final = 10
"""Apps in one sentence."""

_OF_THE_HISTORY: Final = ("paused", "running", "halted", "refused", "revoked")
"""What a credential may be that neither its org nor its store tells."""

_INTERRUPTED: Final = "A rotation was interrupted, and nobody is at it."


@dataclass(frozen=True)
class Remark:
    """What is so, and what to do; empty where nothing is to be done."""

    sentence: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.sentence} {self.hint}".strip()


def remark_on(status: CredentialStatus, now: datetime) -> Remark | None:
    """Why the credential is in its state, and what to do about it; None where the word says all."""
    if status.life.revoked and status.state is not CredentialState.RUNNING:
        return _revoked(status, status.life.revoked, now)
    return _by_state(status, now)


def not_known_of(status: CredentialStatus) -> tuple[str, ...]:
    """What it may be or not, as the history cannot be read."""
    return _OF_THE_HISTORY if status.history_problem else ()


def _by_state(status: CredentialStatus, now: datetime) -> Remark | None:  # noqa: PLR0911 - one line a state
    name, life = status.credential, status.life
    match status.state:
        case CredentialState.REFUSED:
            return _refused(status, now)
        case CredentialState.RUNNING if life.running:
            return Remark(_runs(life.running))
        case CredentialState.HALTED if life.halt:
            return Remark(_stopped(status, now), _after_a_halt(status))
        case CredentialState.UNSTORED if life.is_lost:
            return _lost(status)
        case CredentialState.UNSTORED:
            key = "" if status.settings.has_secret else " --key FILE"
            return Remark("It is not in its store.", f"`rotator adopt {name}{key}`, or `rotator enroll {name}`.")
        case CredentialState.DRIFT if status.settings.has_secret:
            what = f"The app {status.app} uses a consumer key and secret that are not ours to expect."
            return Remark(what, f"`rotator adopt {name}` takes the pair in use into the store.")
        case CredentialState.DRIFT:
            return _changed_by_hand(status)
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


def _revoked(status: CredentialStatus, revoked: Revocation, now: datetime) -> Remark:
    name, so = status.credential, f"It was revoked on {words.moment(revoked.since)} by {revoked.by}: {revoked.reason}."
    if status.drift:
        is_changed = status.life.is_revoked_app_changed
        found = what_is_undone(revoked, is_app_changed=is_changed, has_secret=status.settings.has_secret)
        return Remark(f"{so} {found}", f"{how_to_end_again(name, revoked, is_app_changed=is_changed)} ends that, too.")
    if status.life.is_coming_back:
        stopped = _stopped(status, now) or "What was to bring it back was interrupted, and nobody is at it."
        back = f"Meanwhile {in_words(revoked.left)} may be as before." if revoked.left else ""
        hint = status.life.halt.hint if status.life.halt else ""
        goes_on, ends = f"`rotator revoke --undo {name}` goes on;", how_to_end(name, revoked.left or revoked.wanted)
        return Remark(words.sentences(so, stopped, back), words.sentences(hint, f"{goes_on} {ends} ends it again."))
    if revoked.left:
        steps = f"That was interrupted before {in_words(revoked.left)} had ended for certain."
        return Remark(f"{so} {steps}", f"{how_to_end(name, revoked.left)} goes on.")
    was_never_stored = status.life.seen is not None and status.life.seen.current is None and not status.life.is_lost
    return Remark(so, f"`rotator {'enroll' if was_never_stored else 'revoke --undo'} {name}` brings it back.")


def _changed_by_hand(status: CredentialStatus) -> Remark:
    seen, hint = status.life.seen, f"`rotate restore {status.credential}` puts ours back."
    if seen and has_other_consumer_key(seen):
        return other_consumer_key(status)
    if refuses_stored(seen):
        return Remark(f"The app {status.app} does not show its certificate, and refuses every stored key.", hint)
    live = seen.live(status.app) if seen else None
    held = words.short(live) if live else "no certificate"
    return Remark(f"The app {status.app} holds {held}, which is not ours to expect.", hint)


def other_consumer_key(status: CredentialStatus) -> Remark:
    """What is so where the app of `current` has another consumer key than is stored with it."""
    seen = status.life.seen
    app = seen.apps.get(status.app) if seen else None
    return of_other_consumer_key(status.credential, status.app, is_hidden=app is not None and app.hidden)


def of_other_consumer_key(credential: str, app: str, *, is_hidden: bool) -> Remark:
    """The same of an app; `is_hidden`: it does not show its certificate."""
    told = "" if not is_hidden else " Where the org takes the old one no more, that wants `--replace-unknown`, too."
    return Remark(
        f"The app {app} has another consumer key by now than is stored with the current version: consumers are refused,"
        " or will be once the org takes the old one no more.",
        f"`rotate now {credential}` makes a version with the consumer key that the app has.{told}",
    )


def _remark_on_the_app(status: CredentialStatus) -> Remark | None:
    """What stands for the certificate of an app that does not show it."""
    seen, current = status.life.seen, status.current
    app = seen.apps.get(current.app) if seen and current else None
    if app is None or current is None or not app.hidden:
        return None
    stands = f"The org does not show the certificate of {app.name}; that of the stored key counts"
    return Remark(f"{stands}: {_logins(status.record)}.")


def _logins(record: CredentialRecord) -> str:
    """What was learnt by logins with the current key."""
    if record.tried_at is None:
        return "no login was tried yet"
    if record.tried_outcome == LoginOutcome.ACCEPTED or record.accepted_at is None:
        how = "accepted" if record.tried_outcome == LoginOutcome.ACCEPTED else "tried, and not accepted,"
        return f"a login with it was {how} on {words.moment(record.tried_at)}"
    last = f"the last one, on {words.moment(record.tried_at)}, was not"
    return f"a login with it was accepted on {words.moment(record.accepted_at)}, and {last}"


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
    if life.is_lost:
        lost = _lost(status)
        return Remark(f"{so} {lost.sentence}", lost.hint)
    name, accepted_at = status.credential, status.record.accepted_at
    if status.record.is_accepted_again and accepted_at:
        once = f"A login with its key was accepted on {words.moment(accepted_at)}; one is no proof for every server."
        return Remark(f"{so} {once}", f"`rotate restore {name}` proves it, and ends what was left of the rotation.")
    if life.halt:
        return Remark(f"{so} {_stopped(status, now)}", _after_a_halt(status))
    return Remark(f"{so} {_INTERRUPTED}", f"`rotate finish {name}` goes on with it, and proves a key.")


def _lost(status: CredentialStatus) -> Remark:
    hint = how_to_bring_back(status.credential, has_secret=status.settings.has_secret)
    return Remark(f"It is in the store {status.settings.store} no more.", hint)


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
    if status.life.is_half_done and status.current is None:
        goes_on = f"Then `rotate finish {name}` goes on."
    elif status.life.is_half_done and status.record.halt == HaltReason.REVERT_UNPROVEN:
        proves = f"Then `rotate restore {name}` proves the key that is current, and ends the rotation"
        goes_on = f"{proves}; `rotate finish {name}` tries the new key once more."
    elif status.life.is_half_done:
        kept = "consumer key and secret that are" if status.settings.has_secret else "key that is"
        goes_on = f"Then `rotate finish {name}` goes on; `rotate restore {name}` keeps the {kept} current."
    else:
        goes_on = f"Then `rotator verify {name}` shows whether it logs in, and `rotate now {name}` begins anew."
    return f"{hint} {goes_on}".strip()
