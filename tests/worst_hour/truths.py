"""What must be so of the answers that are given in the middle of the hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core.decision.policies import Strategy
from rotator.core.lifecycle.states import CredentialState
from rotator.services.alerting import kinds
from rotator.services.alerting.kinds import UNSTORED
from tests.worst_hour.hours import BAD_ENDING, Following

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tests.worst_hour.hours import Hour
    from tests.worst_hour.lives import Life
    from tests.worst_hour.surfaces import Answers

REFUSED: Final = str(CredentialState.REFUSED)
BEFORE_ANYTHING: Final = {BAD_ENDING, Following.NOTHING.value}

_LOST: Final = f"{CredentialState.UNSTORED} (critical)"
_HAS_NOT_ENDED: Final = frozenset({"halted", "unfinished"})
_STANDS: Final = {word: {word} for word in _HAS_NOT_ENDED}
"""What the history says of the newest rotation of a credential that is so, and of any other that is not well."""
_HAS_ENDED: Final = frozenset({"rotated", "restored", "reverted", "halted"})
"""Of one that is well: what stopped before anything was changed has halted, and is over once current's key logs in."""
_TOLD: Final = {
    kinds.REFUSED: (REFUSED, "are refused since"),
    kinds.HALTED: (str(CredentialState.HALTED), "needs a person"),
    UNSTORED: (_LOST, "is gone from the store"),
}
"""For each kind of alert the state that it tells of, and what its mail says."""
_UNSEEN: Final = {str(CredentialState.HALTED), str(CredentialState.UNKNOWN)}
_MAY_BE_BOTH: Final = {UNSTORED: {REFUSED, *_UNSEEN}, kinds.HALTED: {_LOST, *_UNSEEN}}
"""A store may be gone while consumers are refused; and what was so is so still while the org cannot be seen."""


def wrong_with(answers: Answers, expected: str, *, may_be_unproven: bool = False) -> Iterator[str]:
    """A sentence for each thing that is not as it is, or not said alike everywhere.

    `expected` is the state before anything has followed; `may_be_unproven`: nobody could have shown that consumers are
    well again.
    """
    words, times = set(answers.states.values()), set(answers.refused_since.values())
    about = f"{answers.credential} after {answers.when}"
    if len(words) > 1:
        yield f"{about} is {answers.states}"
        return
    if len(times) > 1:
        yield f"{about} is refused since {answers.refused_since}"
    (word,) = words
    is_said = word == REFUSED
    if is_said != (None not in times):
        yield f"{about} is {word}, and refused since {times}"
    if answers.is_refused and not is_said:
        yield f"{about} is {word}, and its consumer is refused"
    if is_said and not answers.is_refused and not may_be_unproven:
        yield f"{about} is {word}, and its consumer logs in"
    if answers.when in BEFORE_ANYTHING and word != expected:
        yield f"{about} is {word}, and should be {expected}"
    if answers.history not in _endings(word) or (word.startswith(CredentialState.OK) and not answers.is_current_known):
        yield f"{about} is {word}, and by the history its rotation is {answers.history}"
    yield from _wrong_with_alerts(answers, about, word)
    if answers.when == Following.MENDED.value and word.split()[0] != CredentialState.OK:
        yield f"{about} is {word}"


def wrong_with_life(hour: Hour, life: Life, answers: Answers) -> Iterator[str]:
    """The same of what is said of a life."""
    expected = life.ending.says[life.strategy is Strategy.ALTERNATING]
    yield from wrong_with(answers, expected, may_be_unproven=_may_be_unproven(hour, life, answers))


def _may_be_unproven(hour: Hour, life: Life, answers: Answers) -> bool:
    """Whether no login can have shown that consumers are well again: nobody answers, or the clock is slow."""
    return answers.is_away or (hour.machine.was_slow and life.mended_at is None)


def _endings(word: str) -> Collection[str]:
    return _HAS_ENDED if word.startswith(CredentialState.OK) else _STANDS.get(word, _HAS_NOT_ENDED)


def _wrong_with_alerts(answers: Answers, about: str, word: str) -> Iterator[str]:
    """What is interrupted the service goes on with, and tells when that fails; what has halted it tells at once."""
    for kind, (said, in_mail) in _TOLD.items():
        alerts, is_so = [alert for alert in answers.alerts if alert.kind == kind], word == said
        if alerts and not is_so and word not in _MAY_BE_BOTH.get(kind, ()):
            yield f"{about} is {word}, and an alert says that it is {said}"
        if is_so and not alerts and (answers.has_halted or kind == UNSTORED):
            yield f"{about} is {word}, and there is no alert of it"
        if alerts and not any(in_mail in mail for mail in answers.mails):
            yield f"{about} is {word}, and no mail says so"
