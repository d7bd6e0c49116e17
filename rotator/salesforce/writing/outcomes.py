"""How deployments end, and what is said of those that end otherwise than they should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rotator.core import words
from rotator.errors import NOTHING_CHANGED, OrgError, OrgUnavailable, WriteUncertain
from rotator.plain_text import one_line
from rotator.salesforce.faults import OWN_WORDS, from_fault
from rotator.salesforce.transport import AnswerLost

_LONGEST: Final = 500
_MOST_NAMED: Final = 3
_RERUN: Final = "Run it again; it starts from what is there then."
TIMEOUT: Final = "`deploy_timeout` of the org says how long rotator waits."
_BROKEN_OFF: Final = frozenset({"Canceled", "FinalizingFailed", "FinalizingDeployFailed"})
"""The WSDL of 66.0 and the guide (DeployResult) have other names for one of them."""
_IN_SETUP: Final = "Setup shows it under Deployment Status."


@dataclass(frozen=True)
class Problem:
    """Why an org refuses one component of a deployment, in its own words."""

    metadata_type: str
    full_name: str
    text: str


@dataclass(frozen=True)
class Progress:
    """What an org tells of a deployment (Metadata API Developer Guide, DeployResult)."""

    id: str
    status: str
    is_over: bool
    """Nothing more will happen."""
    has_succeeded: bool = False
    changes_nothing: bool = False
    """It was only to be checked."""
    code: str = ""
    """What is wrong with all of it (`message`, in the org's words); empty where it is single components."""
    message: str = ""
    canceled_by: str = ""
    problems: tuple[Problem, ...] = ()
    failed_tests: tuple[str, ...] = ()
    coverage: tuple[str, ...] = ()
    """What the org's tests leave untried, where it refuses for that."""

    @property
    def is_waiting(self) -> bool:
        """Whether it has not begun to change anything."""
        return self.status == "Pending"


def refusal(org: str, ended: Progress, what: str) -> OrgError:
    """The error for a deployment of `what` that ended without success.

    Nothing was changed by one that was only to be checked, and by one that has failed for a reason, as the org puts
    back what it did. After every other end, one of which nobody knows among them, it is WriteUncertain.
    """
    error = _why(org, ended, what)
    if ended.status == "Failed" and not isinstance(error, AnswerLost):
        return error
    if ended.changes_nothing:
        kind = OrgUnavailable if error.transient else OrgError
        return kind(error.message, effect=NOTHING_CHANGED, hint=error.hint, rerun=error.rerun)
    effect = "The change was most likely not made." if ended.status in _BROKEN_OFF else "The change may have been made."
    return WriteUncertain(error.message, effect=effect, hint=error.hint, rerun=_RERUN)


def _why(org: str, ended: Progress, what: str) -> OrgError:
    """The error for the reason that the org gives."""
    if ended.status in _BROKEN_OFF:
        how = f"canceled by {one_line(ended.canceled_by, 80) or 'somebody'}" if ended.canceled_by else "broken off"
        return OrgUnavailable(f"The deployment of {what} in the org {org} was {how}.", rerun=_RERUN)
    if ended.problems:
        return refused_component(org, ended.problems[0], what)
    if ended.failed_tests or ended.coverage:
        return _failed_tests(org, ended, what)
    if ended.code or ended.message:
        return from_fault(org, ended.code, ended.message)
    return OrgError(
        f"The deployment of {what} in the org {org} ended as {one_line(ended.status, 80)}, without a reason.",
        effect=NOTHING_CHANGED,
        hint=_IN_SETUP,
    )


def refused_component(org: str, problem: Problem, what: str) -> OrgError:
    """The error for one component that an org does not take."""
    return OrgError(
        f"The org {org} refuses {what} as it is deployed: {_said(problem.text)}.",
        effect=NOTHING_CHANGED,
        hint=OWN_WORDS,
    )


def never_began(org: str, what: str, hint: str = "") -> OrgUnavailable:
    """The error for a deployment that an org was to check, and whose turn did not come; `hint`: what else to do."""
    return OrgUnavailable(
        f"The org {org} did not come to check a deployment of {what}: others are in front of it.",
        effect=NOTHING_CHANGED,
        hint=f"{_IN_SETUP} {hint}".strip(),
        rerun="Run it again when they have ended.",
    )


def not_in_time(org: str, progress: Progress, what: str) -> WriteUncertain:
    """The error for a deployment that did not end, and could not be taken back."""
    return WriteUncertain(
        f"The deployment of {what} in the org {org} ({progress.id}) does not end: it is"
        f" {one_line(progress.status, 80)}.",
        effect="The change may still be made.",
        hint=f"{_IN_SETUP} Others in front of it, or tests that it has to wait for, may be the reason.",
        rerun="Run it again when it has ended.",
    )


def taken_back(org: str, what: str, seconds: float) -> WriteUncertain:
    """The error for a deployment that had to be taken back, as its turn did not come."""
    return WriteUncertain(
        f"The org {org} did not begin the deployment of {what} within {words.measured(seconds)}; it was taken back.",
        effect="The change was most likely not made.",
        hint=f"{_IN_SETUP} Others were in front of it. {TIMEOUT}",
        rerun=_RERUN,
    )


def still_under_way(org: str, progress: Progress) -> OrgUnavailable:
    """The error for an earlier deployment of the program's user that may still change an app."""
    return OrgUnavailable(
        f"An earlier deployment of the program's user in the org {org} ({progress.id}) has not ended: it is"
        f" {one_line(progress.status, 80)}.",
        effect="Nothing was changed by this run.",
        hint=f"{_IN_SETUP} What an app holds is not certain before it has ended.",
        rerun="Run it again then.",
    )


def _failed_tests(org: str, ended: Progress, what: str) -> OrgError:
    named = [one_line(name, 120) for name in ended.failed_tests[:_MOST_NAMED]]
    more = len(ended.failed_tests) - len(named)
    why = (
        f"{words.count(len(ended.failed_tests), 'test')} of its own failed:"
        f" {words.listed(named)}{f' and {more} more' if more else ''}"
        if named
        else _said(ended.coverage[0])
    )
    return OrgError(
        f"The org {org} runs its Apex tests before it deploys {what}, and refuses it: {why}.",
        effect=NOTHING_CHANGED,
        hint="Have the tests mended, or set `write: update` for the org: updates run none.",
    )


def _said(text: str) -> str:
    return one_line(text, _LONGEST).rstrip(".") or "without a reason"
