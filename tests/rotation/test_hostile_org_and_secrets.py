"""Whatever an org answers, no rotation of a client secret raises what is not ours, or has a consumer refused."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Final

from rotator.errors import RotatorError
from rotator.services.rotation.report import Outcome
from tests.hostile.answers import HostileTransport
from tests.rotation.secret_ground import NAME, Crash
from tests.tiers import more_in_thorough, of_tier

if TYPE_CHECKING:
    from tests.rotation.secret_ground import SecretGround

WANTED: Final = of_tier(25, thorough=1000)
GOALS: Final = ("replace", "", "back", "adopt", "restore")


@more_in_thorough
def test_no_answer_of_an_org_ends_the_program_or_refuses_a_consumer(secret_ground: SecretGround) -> None:
    met, ended = 0, 0
    for number in range(WANTED):
        random = Random(number)
        secret_ground.begin()
        secret_ground.handle("enroll")

        def consumers_log_in() -> None:
            assert secret_ground.logs_in(secret_ground.version("current"))

        wire = HostileTransport(secret_ground.org, random, random.choice([10, 30, 60, 90]), consumers_log_in)
        misled = replace(secret_ground, transport=wire)
        with closing(wire):
            for _ in range(6):
                with suppress(RotatorError):
                    misled.handle(random.choice(GOALS), crash=Crash(check=consumers_log_in))
                with suppress(RotatorError), misled.program() as app:
                    app.scan(app.now())
                    app.statuses([NAME], app.now())
                secret_ground.clock.time += timedelta(hours=random.randrange(48))
        met += wire.answers
        ended += secret_ground.handle("replace").outcome is Outcome.ROTATED
        consumers_log_in()
        if met >= WANTED:
            break
    assert met >= WANTED
    assert ended, "with an org that answers as it should a rotation goes on"
