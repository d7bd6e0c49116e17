"""Whatever happens in whatever order, nobody is told twice, and nothing expires unannounced."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from rotator.core.actor import Actor
from rotator.core.thresholds import crossed, label
from rotator.history.alerts.alerts import ALWAYS_TOLD
from rotator.history.engine.database import open_database
from rotator.services.alerting.expiry import certificate_key
from rotator.services.alerting.kinds import EXPIRY
from tests.tiers import longer, of_tier
from tests.unit.services.alerting_bench import APPS, DAY, LEASE, NOW, bench, holds, settings_with

if TYPE_CHECKING:
    from datetime import datetime

    from tests.unit.services.alerting_bench import AlertingBench

CHANNELS = {"ops": "ops: {}", "boss": "boss: {within: 7d}"}
THRESHOLDS = settings_with().alerts.thresholds
LIVES = st.sampled_from([1, 10, 45, 100])
FINGERPRINTS = "0123456789abcdef"


class Years(RuleBasedStateMachine):
    """One app, looked at now and then by a program that is restarted, while people and the clock do what they like."""

    def __init__(self) -> None:
        super().__init__()
        self.cleaning = ExitStack()
        self.now = NOW
        self.place = holds("Legacy", 45, FINGERPRINTS[0])
        self.versions = 0
        self.channels = ["ops"]
        self.silenced: set[str] = set()
        """Alerts that somebody took on or was left alone with for a while."""

    @initialize()
    def begin(self) -> None:
        folder = self.cleaning.enter_context(tempfile.TemporaryDirectory())
        file = Path(folder) / "rotator.db"
        file.write_bytes(migrated())
        self.url = f"sqlite:///{file}"
        self.restart()

    @rule()
    def restart(self) -> None:
        self.database = self.cleaning.enter_context(open_database(self.url))
        self.bench: AlertingBench = bench(self.database, "\n".join(CHANNELS[name] for name in self.channels))

    @rule()
    def a_channel_is_new(self) -> None:
        self.channels = ["ops", "boss"]
        self.restart()

    @rule(days=st.sampled_from([-30, -1, 0.04, 1, 8, 40]))
    def time_passes_or_the_clock_is_set(self, days: float) -> None:
        self.now += timedelta(days=days)

    @rule()
    def look(self) -> None:
        self.bench.sees([self.place], self.now, whole=[APPS])
        self.expect_all_that_is_due()

    @rule()
    def look_at_an_org_that_cannot_be_read(self) -> None:
        self.bench.alerting.evaluate(self.now)

    @rule(days=LIVES)
    def somebody_replaces_the_certificate(self, days: int) -> None:
        self.versions += 1
        fingerprint = FINGERPRINTS[self.versions % len(FINGERPRINTS)]
        self.place = holds("Legacy", (self.now - NOW) / DAY + days, fingerprint)

    @rule(name=st.sampled_from(sorted(CHANNELS)))
    def a_channel_accepts(self, name: str) -> None:
        self.bench.outbox.delivered(self.bench.outbox.claim(name, self.now, LEASE), "thread", self.now)

    @rule(name=st.sampled_from(sorted(CHANNELS)))
    def a_channel_refuses(self, name: str) -> None:
        self.bench.outbox.failed(self.bench.outbox.claim(name, self.now, LEASE), "no", self.now + DAY)

    @rule()
    def somebody_takes_it_on(self) -> None:
        for alert in self.bench.alerts.open_alerts():
            self.silenced.add(alert.id)
            self.bench.alerts.acknowledge(alert.id, actor=Actor("ada"), reason="known", now=self.now)

    @rule()
    def somebody_is_left_alone_for_a_week(self) -> None:
        for alert in self.bench.alerts.open_alerts():
            self.silenced.add(alert.id)
            until = self.now + 7 * DAY
            self.bench.alerts.snooze(alert.id, until=until, actor=Actor("ada"), reason="later", now=self.now)

    def expect_all_that_is_due(self) -> None:
        """After a look everything that was crossed is owed, or was told; if silenced, what is always told."""
        assert self.place.not_after
        due = {label(each) for each in crossed(self.place.not_after, self.now, THRESHOLDS)}
        alert = self.bench.alerts.opened(certificate_key(EXPIRY, self.place))
        if alert is None:
            assert not due
            return
        if alert.id in self.silenced:
            due &= {*ALWAYS_TOLD}
        assert due <= {each.step for each in self.bench.outbox.notifications(alert.id) if each.channel == "ops"}

    @invariant()
    def nobody_is_owed_anything_twice(self) -> None:
        alerts = self.bench.alerts.all(1000)
        notifications = self.bench.outbox.notifications(*(alert.id for alert in alerts))
        rows = [(each.alert_id, each.step, each.channel) for each in notifications]
        assert len(rows) == len(set(rows))
        still_open = [alert.key for alert in alerts if alert.is_open]
        assert len(still_open) == len(set(still_open)) <= 1

    @invariant()
    def nothing_was_crossed_too_early_for_a_channel(self) -> None:
        for alert in self.bench.alerts.open_alerts():
            steps = {each.step for each in self.bench.outbox.notifications(alert.id) if each.channel == "boss"}
            assert not steps & {"60d", "30d", "14d"}

    def teardown(self) -> None:
        self.cleaning.close()


@cache
def migrated() -> bytes:
    """The file of a database with its tables, to be written anew for each example."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rotator.db"
        with open_database(f"sqlite:///{file}") as database:
            database.upgrade()
        return file.read_bytes()


TestYears = longer(Years.TestCase)
TestYears.settings = settings(max_examples=of_tier(3, thorough=15), stateful_step_count=25, deadline=None)


@longer
def test_by_the_time_of_its_expiry_every_threshold_was_owed_however_often_it_was_looked_at(tmp_path: Path) -> None:
    for number, hours in enumerate([7, 24, 24 * 9, 24 * 100]):
        (tmp_path / f"{number}.db").write_bytes(migrated())
        with open_database(f"sqlite:///{tmp_path / f'{number}.db'}") as database:
            at = bench(database)
            now: datetime = NOW
            while now <= NOW + 62 * DAY:
                at.sees([holds("Legacy", 61)], now)
                now += timedelta(hours=hours)
            at.alerting.evaluate(NOW + 62 * DAY)
            at.sees([holds("Legacy", 61)], NOW + 62 * DAY)
            assert at.owed() == {"ops": ["60d", "30d", "14d", "7d", "3d", "1d", "expired"]}
