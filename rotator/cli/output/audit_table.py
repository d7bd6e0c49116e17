"""What an audit came to, for people and for programs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rotator.cli.output.console import console, say, state, table
from rotator.core import words
from rotator.core.posture.checks import Risk
from rotator.core.posture.judgements import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rotator.core.posture.assessment import Result
    from rotator.core.posture.choices import Exemption
    from rotator.services.posture.auditing import Audit


def as_json(found: Audit) -> dict[str, Any]:
    """All of `audit --json`."""
    count = Counter(each.verdict for each in found.results)
    risks = Counter(each.check.risk for each in found.results if each.verdict is Verdict.FINDING)
    return {
        "at": found.at,
        "results": [_result(each) for each in found.results],
        "revoked": [*found.revoked],
        "ended_exceptions": [vars(each) for each in found.ended],
        "findings": {risk.value: risks[risk] for risk in Risk},
        "not_visible": count[Verdict.HIDDEN],
        "excepted": count[Verdict.EXCEPTED],
        "ok": count[Verdict.OK],
    }


def _result(result: Result) -> dict[str, Any]:
    check, exemption = result.check, result.exemption
    return {
        "check": check.name,
        "severity": check.risk,
        "verdict": result.verdict,
        "org": result.org,
        "credential": result.credential,
        "seen": result.seen,
        "needs": result.needs,
        "asks": check.asks,
        "why": check.why,
        "source": check.source,
        "remedy": check.remedy_for(result.credential),
        "exception": {"reason": exemption.reason, "until": exemption.until} if exemption else None,
    }


def print_audit(found: Audit, *, every: bool) -> None:
    """A table of what is to be mended, why, and how; then what could not be seen, and what is excepted."""
    of = {verdict: [each for each in found.results if each.verdict is verdict] for verdict in Verdict}
    shown = [*of[Verdict.FINDING], *(of[Verdict.OK] if every else ())]
    if shown:
        console().print(_rows(shown))
        say("")
    for check in dict.fromkeys(each.check for each in of[Verdict.FINDING]):
        say(f"{check.why} {check.remedy} ({check.source}.)", label=f"{check.name}:", colour="cyan")
    for line in _not_visible(of[Verdict.HIDDEN]):
        say(line)
    for each in of[Verdict.EXCEPTED]:
        if each.exemption:
            until, reason = words.day(each.exemption.until), each.exemption.reason
            say(f"{each.subject}: {each.check.name} is excepted until {until} ({reason}). {each.seen}")
    for exemption in found.ended:
        say(ended_in_words(exemption))
    if found.revoked:
        say(f"{words.listed(found.revoked)}: revoked, so that no more is asked than what lets others in all the same.")
    say(_sum(of))


def _rows(results: Sequence[Result]) -> Any:
    rows = table("Severity", "Check", "Of", "Seen", prose=("Seen",))
    for each in results:
        is_found = each.verdict is Verdict.FINDING
        rows.add_row(state(each.check.risk if is_found else "ok"), each.check.name, each.subject, each.seen)
    return rows


def _not_visible(results: Iterable[Result]) -> list[str]:
    """One line for each reason, with all that rests on it."""
    by_need: dict[str, list[Result]] = {}
    for each in results:
        by_need.setdefault(each.needs, []).append(each)
    return [
        f"Not visible: needs {need}. It is asked for by {words.listed(dict.fromkeys(each.check.name for each in some))}"
        f" of {words.listed(dict.fromkeys(each.subject for each in some))}."
        for need, some in by_need.items()
    ]


def ended_in_words(exemption: Exemption) -> str:
    """That an exception does not count any more, and what to do."""
    of = exemption.credential or f"the org {exemption.org}"
    return words.sentences(
        f"The exception from {exemption.check} for {of} ended on {words.day(exemption.until)} ({exemption.reason}).",
        "Take it out of config.yaml, or say a later day.",
    )


def _sum(of: dict[Verdict, list[Result]]) -> str:
    risks = Counter(each.check.risk for each in of[Verdict.FINDING])
    named = words.listed(f"{risks[risk]} {risk}" for risk in sorted(risks, key=lambda risk: risk.rank))
    findings = words.count(len(of[Verdict.FINDING]), "finding") + (f" ({named})" if named else "")
    return (
        f"{findings}, {len(of[Verdict.HIDDEN])} not visible, {len(of[Verdict.EXCEPTED])} excepted,"
        f" {len(of[Verdict.OK])} as they should be."
    )
