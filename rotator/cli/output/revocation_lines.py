"""Plans and ends of revocations, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.cli.exit_codes import ExitCode, of_error, of_several
from rotator.cli.output.console import say

if TYPE_CHECKING:
    from rotator.services.revocation.revocation_plan import RevocationPlan
    from rotator.services.revocation.revocation_report import RevocationReport


def print_plan(plan: RevocationPlan, *, err: bool) -> None:
    """What each step would do; `err`: not to where a program reads."""
    say(f"{plan.credential}, of {plan.username} in {plan.org}:", err=err)
    for step in plan.steps:
        say(f"  {step}: {plan.what(step)}", err=err)


def print_report(report: RevocationReport) -> None:
    """What came of each step."""
    end = "is revoked" if report.is_whole else "is not revoked as a whole"
    say(f"{report.credential}: what was asked for {end}.")
    for step in report.steps:
        say(f"  {step}{'' if step in report.done else ' (not done)'}: {report.what(step)}")
    if report.said:
        say(f"  A login with its current key is refused: {report.said}.")
    for warning in report.warnings:
        say(f"Warning: {warning}")


def code_of(report: RevocationReport) -> ExitCode:
    """Of the first step that failed."""
    return of_several(of_error(error) for error in report.failed.values())


def plan_as_json(plan: RevocationPlan) -> dict[str, Any]:
    """A plan, for a program."""
    return {
        "credential": plan.credential,
        "org": plan.org,
        "username": plan.username,
        "steps": [
            {
                "step": step,
                "left": step in plan.left,
                "what": plan.what(step),
                "is_known": step not in plan.unknown,
            }
            for step in plan.steps
        ],
        "apps": list(plan.holding),
        "tokens": len(plan.issued.tokens),
        "sessions": None if plan.issued.hidden else len(plan.issued.sessions),
        "grants": [
            {
                "app": each.grant.app,
                "given_by": each.grant.given_by,
                "name": each.grant.name,
                "others": None if each.others is None else list(each.others),
                "credentials": list(each.grant.shared_with),
            }
            for each in plan.grants
        ],
    }


def report_as_json(report: RevocationReport) -> dict[str, Any]:
    """An end, for a program."""
    return {
        "credential": report.credential,
        "outcome": "revoked" if report.is_whole else "partly",
        "steps": [{"step": step, "done": step in report.done, "what": report.what(step)} for step in report.steps],
        "apps": list(report.apps),
        "tokens": report.tokens,
        "sessions": report.sessions,
        "withdrawn": [{"app": each.app, "given_by": each.given_by, "name": each.name} for each in report.withdrawn],
        "login_refused": report.said,
        "warnings": list(report.warnings),
        "exit_code": code_of(report),
    }
