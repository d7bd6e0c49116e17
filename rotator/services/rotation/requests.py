"""What a person or the schedule asks for, and what follows from it for a run, also after a crash.

A request is turned into what is wanted (`rotator.core.decision.policies.Wanted`), which names versions and not steps:
"`current` must be another than 1902...". It is written into the history when a rotation begins. So the same request,
repeated after a crash, wants the same as before, and is not met by what the interrupted run has done already.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import Fingerprint
from rotator.core.decision.options import NO_OPTIONS, RotationOptions
from rotator.core.decision.policies import Goal, Wanted
from rotator.errors import RotationHalted

if TYPE_CHECKING:
    from rotator.core.actor import Actor
    from rotator.core.credentials import Stages
    from rotator.history.records import Rotation

RESUMED_WITHIN: Final = timedelta(days=1)
"""A request that an interrupted run has met already is ended, not begun anew, when it is repeated this soon."""

UNTOUCHED: Final = "Nothing was changed."


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
    RotationHalted when the store has none such, and for what makes no sense of a client secret.
    """
    if has_secret and request.options.keep_key:
        raise RotationHalted(
            f"{name} is a client secret, which has no certificate that could be renewed over the same key.",
            effect=UNTOUCHED,
            hint="Leave out --keep-key.",
        )
    key = "" if has_secret else " --key FILE"
    match request.goal:
        case "enroll" if stages.current:
            raise RotationHalted(
                f"{name} has a current version already.",
                effect=UNTOUCHED,
                hint=f"`rotate now {name}` replaces it.",
            )
        case "enroll":
            return None
        case "back" if stages.previous is None:
            raise RotationHalted(
                f"No previous version of {name} is kept.",
                effect=UNTOUCHED,
                hint=f"`rotate now {name}` makes a new one.",
            )
        case "back":
            return stages.previous
        case _ if stages.current is None and was_stored:
            raise RotationHalted(
                f"The store holds no current version of {name}, and the history knows of one.",
                effect=UNTOUCHED,
                hint="See whether the store is there (a file system that is not mounted looks like an empty one), and "
                "bring it back: consumers need what is in it. If it is lost for good,"
                f" `rotator adopt {name}{key}`.",
            )
        case _ if stages.current is None:
            raise RotationHalted(
                f"The store holds no current version of {name}.",
                effect=UNTOUCHED,
                hint=how_to_begin(name, has_secret=has_secret),
            )
    return stages.current


def how_to_begin(name: str, *, has_secret: bool) -> str:
    """How a credential of which nothing is stored gets its first version."""
    if has_secret:
        return f"`rotator enroll {name}` takes the consumer key and secret that are in use."
    return (
        f"`rotator enroll {name}` makes the first key pair for an app without a certificate; "
        f"`rotator adopt {name} --key FILE` takes one that consumers use already."
    )


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
