"""What is counted of a life, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.core import words
from rotator.core.decision.policies import Strategy
from tests.worst_hour.gaps import MOST, PROOFS, excess_of, gaps_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.worst_hour.hours import Hour
    from tests.worst_hour.lives import Life
    from tests.worst_hour.surfaces import Answers


@dataclass(frozen=True)
class Count:
    """One life."""

    life: str
    ended: str
    """What its rotation was met by, and what followed."""
    processes: int
    logins: int
    refused: int
    away: int
    gaps: str
    exceeding: str
    """By how much gaps are longer than the refusals in them."""
    proofs: str
    """How many test logins were accepted in that time."""
    wrong: tuple[str, ...]


def count(hour: Hour, life: Life) -> Count:
    """Of a life that is mended, its last gap has ended."""
    excess, gaps = excess_of(life), gaps_of(life)
    logins = list(life.consumer.logins)
    return Count(
        life.name,
        ", ".join((life.ending.name, *(each.value for each in hour.plan.followings))),
        len(life.ran),
        len(logins),
        excess.refused,
        sum(login.is_away for login in logins),
        " + ".join(words.length(gap.length) if gap.ended_at else "open" for gap in gaps) or "none",
        ", ".join(f"{each.total_seconds():.1f} s" for each in excess.exceeding) or "-",
        ", ".join(map(str, excess.proofs)) or "-",
        tuple(_wrong(life)),
    )


def _wrong(life: Life) -> Iterator[str]:
    excess, gaps = excess_of(life), gaps_of(life)
    for login in excess.outside:
        known = ", ".join(f"{gap.begun_at} to {gap.ended_at}" for gap in gaps)
        yield f"refused from {login.asked_at} to {login.answered_at}, outside the gaps {known}: {login.refusal}"
    for exceeding in excess.exceeding:
        if exceeding > MOST:
            yield f"a gap is {exceeding} longer than its refusals"
    for proofs in excess.proofs:
        if proofs > PROOFS:
            yield f"a gap ended only {proofs} accepted test logins after its last refusal"
    said = [end for ran in life.ran if ran.out.startswith("[") for end in ran.json]
    if not life.has_met_trouble:
        yield "nothing stood in its way"
    if any(gap.is_uncertain for gap in gaps) and not any(end.get("gap_is_uncertain") for end in said):
        yield "no command said that a gap is a guess"
    if any(gap.ended_at is None for gap in gaps):
        yield "a gap is open at the end"
    if life.consumer.is_refused():
        yield "its consumer is refused at the end"
    if life.strategy is Strategy.ALTERNATING and excess.refused:
        yield "a consumer of two apps that take turns was refused"


def table(counts: Sequence[Count]) -> str:
    """All of them, for people."""
    heads = ("credential", "processes", "logins", "refused", "away", "gaps", "longer by", "with logins")
    rows = [
        (each.life, each.processes, each.logins, each.refused, each.away, each.gaps, each.exceeding, each.proofs)
        for each in counts
    ]
    lines = [heads, *(tuple(map(str, row)) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    text = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
    return (
        f"{text}\n\n{len(counts)} rotations, {sum(each.processes for each in counts)} processes,"
        f" {sum(each.logins for each in counts)} logins, {sum(each.refused for each in counts)} refused,"
        f" {sum(len(each.wrong) for each in counts)} wrong"
    )


def states(answers: Sequence[Answers]) -> str:
    """What was said of each credential after each thing that happened, where every surface says the same."""
    said: dict[str, list[str]] = {}
    for each in answers:
        words = sorted(set(each.states.values()))
        said.setdefault(each.credential, []).append(f"{each.when}: {' or '.join(words)}")
    return "\n".join(f"{name:20}{'; '.join(lines)}" for name, lines in said.items())
