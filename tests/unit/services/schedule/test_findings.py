"""What people are told of an inventory beyond its certificates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from rotator.core.observed import Kind
from rotator.errors import OrgError
from rotator.services.inventory.scan import Scan
from rotator.services.inventory.status import Problem
from rotator.services.schedule.context import UnitOfWork
from rotator.services.schedule.findings import Findings
from tests.unit.services.alerting_bench import DAY, NOW, settings_with

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.history.engine.database import Database
    from rotator.services.schedule.context import ServiceContext

HIDES = Problem(
    "org production",
    OrgError("production hides Certificate.", effect="The rest of the org was read.", hint="Give the permission."),
    org="production",
    type=Kind.CERTIFICATE,
)


def tell(history: UnitOfWork, *problems: Problem, now: datetime = NOW) -> None:
    Findings(cast("ServiceContext", None), history, Scan(org="production", at=now, problems=problems)).tell()


def test_of_a_type_that_an_org_does_not_show_people_are_told_until_it_does(database: Database) -> None:
    history = UnitOfWork(settings_with("team: {}"), database)
    tell(history, HIDES)
    tell(history, HIDES, now=NOW + DAY)
    (alert,) = history.alerts.open_alerts()
    assert alert.title == "The org production does not show its certificates of the type Certificate"
    assert alert.to_do == "Give the permission."
    assert [notification.step for notification in history.outbox.notifications(alert.id)] == ["opened"]
    history.outbox.delivered(history.outbox.claim("team", NOW, DAY), "", NOW)
    tell(history, now=NOW + 2 * DAY)
    assert history.alerts.open_alerts() == []
    assert [notification.step for notification in history.outbox.notifications(alert.id)] == ["opened", "closed"]


def test_of_each_thing_that_cannot_be_read_people_are_told_once_until_it_can(database: Database) -> None:
    history = UnitOfWork(settings_with("team: {}"), database)
    one, other = (
        Problem(
            "org production",
            OrgError(f"{name} cannot be read.", hint="Look at it in Setup."),
            org="production",
            type=Kind.IDENTITY_PROVIDER,
            app=name,
        )
        for name in ("One", "Other")
    )
    tell(history, one, other)
    tell(history, one, other, now=NOW + DAY)
    # They began at the same instant, so neither is the older.
    assert sorted(alert.title for alert in history.alerts.open_alerts()) == [
        "One in production cannot be read",
        "Other in production cannot be read",
    ]
    # While nothing of the type is shown, it is not known whether it is better.
    hidden = replace(one, app=None)
    tell(history, hidden, now=NOW + 2 * DAY)
    assert len(history.alerts.open_alerts()) == 3
    tell(history, other, now=NOW + 3 * DAY)
    assert [alert.title for alert in history.alerts.open_alerts()] == ["Other in production cannot be read"]
