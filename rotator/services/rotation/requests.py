"""What a person or the schedule asks for, and what follows from it for a run, also after a crash.

A request is turned into what is wanted (`rotator.core.decision.policies.Wanted`), which names versions and not steps:
"`current` must be another than 1902...". It is written into the history when a rotation begins. So the same request,
repeated after a crash, wants the same as before, and is not met by what the interrupted run has done already.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import how_to_bring_back
from rotator.core.decision.options import NO_OPTIONS, RotationOptions
from rotator.core.decision.policies import Goal, Wanted
from rotator.errors import NOTHING_CHANGED, ConfigurationError, RotationHalted, RotationHeldUp

if TYPE_CHECKING:
    from rotator.core.actor import Actor
    from rotator.core.credentials import Stages
    from rotator.core.lifecycle.revocation import Revocation
    from rotator.history.records import Rotation

RESUMED_WITHIN: Final = timedelta(days=1)
"""A request that an interrupted run has met already is ended, not begun anew, when it is repeated this soon."""


@dataclass(frozen=True)
class Request:
    """What was asked for, by whom and why."""

    goal: str
    """As the history names it: `replace`, `back`, `restore`, `adopt`, `enroll`; empty to finish what was begun."""
    actor: Actor
    reason: str = ""
    trigger: str = "manual"
    options: RotationOptions = NO_OPTIONS

    @property
    def compromised(self) -> bool:
        """Whether the current key is in wrong hands."""
        return self.trigger == "compromised"


def subject_of(
    name: str, request: Request, stages: Stages, *, was_stored: bool = False, has_secret: bool = False
) -> Fingerprint | None:
    """The version of credential `name` that a request is about.

    `was_stored`: the history knows of a version that was current; `has_secret`: the versions are client secrets. Raises
    RotationHalted when the store has none such, and ConfigurationError for what makes no sense of a client secret.
    """
    if has_secret and request.options.keep_key:
        raise ConfigurationError(
            f"{name} is a client secret, which has no certificate that could be renewed over the same key.",
            effect=NOTHING_CHANGED,
            hint="Leave out --keep-key.",
        )
    match request.goal:
        case "enroll" if stages.current:
            raise RotationHalted(
                f"{name} has a current version already.",
                effect=NOTHING_CHANGED,
                hint=f"`rotate now {name}` replaces it.",
            )
        case "enroll":
            return None
        case "back" if stages.previous is None:
            raise RotationHalted(
                f"No previous version of {name} is kept.",
                effect=NOTHING_CHANGED,
                hint=f"`rotate now {name}` makes a new one.",
            )
        case "back":
            return stages.previous
        case _ if stages.current is None:
            raise nothing_stored(name, was_stored=was_stored, has_secret=has_secret)
    return stages.current


def current_already(name: str, *, has_secret: bool) -> RotationHalted:
    """For who wants to have adopted what is current."""
    what = "consumer key and secret" if has_secret else "key pair"
    return RotationHalted(
        f"This {what} is the current version of {name} already.",
        effect=NOTHING_CHANGED,
        hint=f"`rotator verify {name}` tries it.",
    )


def nothing_stored(name: str, *, was_stored: bool, has_secret: bool) -> RotationHalted:
    """The error for a credential of which the store holds no current version.

    `was_stored`: the history knows of one. Then a first version is the wrong thing to make.
    """
    so = f"The store holds no current version of {name}"
    if was_stored:
        told, hint = f"{so}, and the history knows of one.", how_to_bring_back(name, has_secret=has_secret)
    else:
        told, hint = f"{so}.", how_to_begin(name, has_secret=has_secret)
    return RotationHalted(told, effect=NOTHING_CHANGED, hint=hint)


def how_to_begin(name: str, *, has_secret: bool) -> str:
    """How a credential of which nothing is stored gets its first version."""
    if has_secret:
        return f"`rotator enroll {name}` takes the consumer key and secret that are in use."
    return (
        f"`rotator enroll {name}` makes the first key pair for an app without a certificate; "
        f"`rotator adopt {name} --key FILE` takes one that consumers use already."
    )


def bringing_back(
    name: str, request: Request, revoked: Revocation, *, is_begun: bool, is_undone: bool, was_stored: bool
) -> Request:
    """What a request means of a credential that was revoked: that it is to come back, with another key.

    `is_begun`: a rotation that brings it back is under way; `is_undone`: an app of it holds another certificate than
    the one that ended its key; `was_stored`: it has or had a current version. Raises RotationHeldUp where the
    schedule asks for it, RotationHalted for everything that would use the revoked key again, or where there is nothing
    to replace; whether a key that people have made is another, who adopts it has asked.
    """
    when = words.moment(revoked.since)
    if request.trigger == "schedule" and request.goal:
        raise RotationHeldUp(
            f"{name} was revoked on {when}.", effect=NOTHING_CHANGED, hint=_BRING_BACK.format(name=name)
        )
    goals = {"replace", "adopt"} | ({"enroll"} if is_begun or not was_stored else set())
    if request.goal not in goals and not (is_begun and not request.goal):
        raise RotationHalted(
            f"{name} was revoked on {when}, by {revoked.by}: {revoked.reason}.",
            effect=NOTHING_CHANGED,
            hint=_BRING_BACK.format(name=name),
        )
    if request.options.keep_key:
        raise RotationHalted(
            f"{name} was revoked on {when}, and its key is not to be used again.",
            effect=NOTHING_CHANGED,
            hint="Leave out --keep-key.",
        )
    if request.goal == "replace" and not was_stored:
        raise RotationHalted(
            f"{name} was revoked on {when}, and its store holds no current version that another could replace.",
            effect=NOTHING_CHANGED,
            hint=f"`rotator enroll {name}` brings it back with its first.",
        )
    known = request.options.replace_unknown or not is_undone
    return replace(request, options=replace(request.options, replace_unknown=known, retire_now=True))


_BRING_BACK: Final = "`rotator revoke --undo {name}`, or `rotate now {name}`, brings it back with another key."


def wanted_of(request: Request, subject: Fingerprint | None) -> Wanted:
    """What a request wants; `subject` is the version that it replaces or brings back."""
    goals = {"": Goal.FINISH, "restore": Goal.RESTORE, "back": Goal.BRING, "adopt": Goal.BRING}
    return Wanted(
        goals.get(request.goal, Goal.REPLACE),
        version=subject,
        compromised=request.compromised,
        options=request.options,
    )


def resumed(rotation: Rotation, request: Request) -> Wanted:
    """What an interrupted rotation wants that a request takes up: what was written down when it began."""
    subject = rotation.brings_back or rotation.replaces
    begun = replace(
        request,
        goal=rotation.goal,
        trigger=rotation.trigger,
        options=rotation.options.resumed(request.options),
    )
    return wanted_of(begun, Fingerprint(subject) if subject else None)


def continues(
    request: Request, rotation: Rotation, stages: Stages, *, now: datetime, adopted: Fingerprint | None = None
) -> bool:
    """Whether a request means the rotation that an interrupted run left open.

    `rotate finish` means any. Another must be the same request, of the same version to adopt (`adopted`). One that was
    met by then, longer ago than RESUMED_WITHIN, is asked for anew.
    """
    if not request.goal:
        return True
    if (rotation.goal, rotation.trigger) != (request.goal, request.trigger):
        return False
    if not rotation.options.means_the_same(request.options):
        return False
    if adopted is not None and rotation.brings_back != adopted:
        return False
    recent = now - rotation.started_at < RESUMED_WITHIN
    return recent or not resumed(rotation, request).is_met_by(stages.current)
