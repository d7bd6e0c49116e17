"""What must be so of the answers that are given in the middle of the hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core.lifecycle.states import CredentialState
from tests.worst_hour.hours import Following

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.worst_hour.hours import Hour
    from tests.worst_hour.lives import Life
    from tests.worst_hour.surfaces import Answers

REFUSED: Final = str(CredentialState.REFUSED)


def wrong_with(hour: Hour, life: Life, answers: Answers) -> Iterator[str]:
    """A sentence for each thing that is not as it is, or not said alike everywhere."""
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
    if is_said and not answers.is_refused and not _may_be_unproven(hour, life, answers):
        yield f"{about} is {word}, and its consumer logs in"
    yield from _wrong_with_alerts(answers, about, is_said=is_said)
    if answers.when == Following.MENDED.value and word.split()[0] != CredentialState.OK:
        yield f"{about} is {word}"


def _may_be_unproven(hour: Hour, life: Life, answers: Answers) -> bool:
    """Whether no login can have shown that consumers are well again: nobody answers, or the clock is slow."""
    return answers.is_away or (hour.machine.was_slow and life.mended_at is None)


def _wrong_with_alerts(answers: Answers, about: str, *, is_said: bool) -> Iterator[str]:
    """What is interrupted the service goes on with, and tells when that fails; what has halted it tells at once."""
    alerts = [alert for alert in answers.alerts if alert.kind == "refused"]
    if alerts and not is_said:
        yield f"{about} is not refused, and an alert says so"
    if is_said and answers.has_halted and not alerts:
        yield f"{about} is refused and has halted, and there is no alert of it"
    if alerts and not any("are refused since" in mail for mail in answers.mails):
        yield f"{about} is refused, and no mail says since when"
