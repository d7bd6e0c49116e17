"""What people decide in the year: a pause, its end, and a rotation by hand before a freeze."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.actor import Actor
from rotator.history.standstills import Standstills
from rotator.services.rotation.report import Silent
from rotator.services.rotation.requests import Request
from tests.rotation.year_plan import BY_HAND, PAUSED, TICK

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.application import Application
    from rotator.history.engine.database import Database

ANA = Actor("ana@crm")


def people_decide(program: Callable[[], Application], database: Database, tick: datetime) -> None:
    """What is done by a person before this tick, since the one before it."""
    if tick == PAUSED[0]:
        Standstills(database).pause("credential crm", until=None, reason="migration", actor=ANA, now=tick)
    elif tick - TICK < PAUSED[1] <= tick:
        assert Standstills(database).resume("credential crm", reason="", actor=ANA, now=tick)
    elif tick == BY_HAND:
        with program() as app:
            service = app.rotation_service("mailer", listener=Silent(), stop_asked=lambda: False)
            service.handle(Request("replace", ANA))
