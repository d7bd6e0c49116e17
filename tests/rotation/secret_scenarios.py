"""What can be asked for of a client secret, and that it ends wherever the process dies."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from rotator.salesforce.client_secrets import State
from rotator.services.rotation.report import Outcome
from rotator.simulator.org.settings import OrgSettings
from tests.rotation.secret_ground import NAME, Crash, Died, SecretGround, promises
from tests.tiers import of_tier

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.services.rotation.report import Report

EARLY: Final = OrgSettings(external_staged_pairs_log_in=True)


def rotate(ground: SecretGround, crash: Crash) -> Report:
    return ground.handle("replace", crash=crash)


def end_now(ground: SecretGround, crash: Crash) -> Report:
    return ground.handle("replace", trigger="compromised", crash=crash)


def enroll(ground: SecretGround, crash: Crash) -> Report:
    return ground.handle("enroll", crash=crash)


def go_back(ground: SecretGround, crash: Crash) -> Report:
    return ground.handle("back", crash=crash)


def nothing(_ground: SecretGround) -> None:
    """The first version is yet to come."""


def in_store(ground: SecretGround) -> None:
    ground.handle("enroll")


def rotated_once(ground: SecretGround) -> None:
    ground.handle("enroll")
    ground.handle("replace")


SCENARIOS: Final[dict[str, tuple[Callable[[SecretGround], None], Callable[[SecretGround, Crash], Report]]]] = {
    "enroll": (nothing, enroll),
    "rotate": (in_store, rotate),
    "compromised": (in_store, end_now),
    "back": (rotated_once, go_back),
}


def ends_wherever_it_dies(ground: SecretGround, scenario: str, settings: OrgSettings | None = None) -> None:
    """Dies after each call that changes something, or every other one; the same request ends what was begun."""
    prepare, handle = SCENARIOS[scenario]
    for at in count(1, of_tier(2, thorough=1)):
        ground.begin(settings)
        prepare(ground)
        crash, report = Crash(at, check=promises(ground)), None
        try:
            handle(ground, crash)
        except Died:
            if "history.begin_rotation" not in crash.calls or _is_open(ground):
                report = handle(ground, Crash(check=crash.check))
        assert report is None or report.outcome is Outcome.ROTATED, (crash.calls[-1], report)
        stages = ground.stages()
        assert stages.pending is None, crash.calls[-1]
        assert stages.current
        assert ground.logs_in(ground.version("current"))
        assert ground.second(State.STAGED) is None
        if at > len(crash.calls):
            break
    assert at > 5


def _is_open(ground: SecretGround) -> bool:
    """Whether the request is to be repeated: once the history has its end, it is another request."""
    with ground.program() as app:
        return app.journal.open_rotation(NAME) is not None
