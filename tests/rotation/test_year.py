"""A year of the daemon: what must happen happens in time and once, whatever stops, is away, or is done to clocks."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pytest
from sqlalchemy import event, select

from rotator.core.thresholds import label
from rotator.history.engine.tables import ALERT, NOTIFICATION
from rotator.history.journal.queries import rotations
from rotator.history.journal.verification import verify
from rotator.services.alerting.kinds import EXPIRY, HELD
from rotator.services.schedule.jobs import JobKind
from tests.rotation.year import Year, year_in
from tests.rotation.year_plan import (
    BEGIN,
    BY_HAND,
    CHANNELS,
    CREDENTIALS,
    DAY,
    END,
    HELD_UP,
    LOOKED_EVERY,
    NEAR_SINCE,
    ORGS,
    PAGED,
    PAUSED,
    SLACK_DOWN,
    STOPPED,
    TICK,
    UNMANAGED,
    UNREADABLE,
    Credential,
    Unmanaged,
)
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Row

    from rotator.history.records import Rotation

# It takes a processor 40 seconds, and shows together what tests/unit/services/schedule shows one by one.
pytestmark = thorough

THRESHOLDS = [timedelta(days=days) for days in (60, 30, 14, 7, 3, 1, 0)]
BY_SCHEDULE = pytest.mark.parametrize(
    "credential", [each for each in CREDENTIALS if each.name not in HELD_UP], ids=lambda each: each.name
)
EACH_CREDENTIAL = pytest.mark.parametrize("credential", CREDENTIALS, ids=lambda each: each.name)


class Telling(NamedTuple):
    """One threshold of one certificate, told on one channel."""

    name: str
    not_after: datetime
    step: str
    channel: str


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path, _cheap_keys: None) -> Iterator[Year]:
    """The whole year, lived once; the tests look back at it."""
    with pytest.MonkeyPatch.context() as patch, year_in(tmp_path_factory.mktemp("year"), migrated_file) as year:
        # Nothing dies here, so nothing has to be durable: to wait for the disk would take longer than all the rest.
        patch.setattr(os, "fsync", lambda _descriptor: None)
        event.listen(year.database._engine, "connect", _never_waits)
        year.database.close()
        year.live_through(END, seed=7)
        yield year


def _never_waits(connection: object, _record: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")  # type: ignore[attr-defined] # a sqlite3.Connection


def crossings(unmanaged: Unmanaged) -> Iterator[tuple[timedelta, datetime]]:
    """Its thresholds and when they are crossed, as long as it is there and the year lasts."""
    until = min(END, unmanaged.replaced or END)
    for threshold in THRESHOLDS:
        if unmanaged.not_after - threshold < until - TICK:
            yield threshold, unmanaged.not_after - threshold


def expected() -> Counter[Telling]:
    """Every threshold of every certificate that nobody replaces by schedule, once on each channel that hears of it."""
    found: Counter[Telling] = Counter()
    for unmanaged in UNMANAGED:
        for threshold, _ in crossings(unmanaged):
            for channel in CHANNELS:
                if channel != "pager" or threshold <= PAGED:
                    found[Telling(unmanaged.name, unmanaged.not_after, label(threshold), channel)] += 1
    return found


def outbox(year: Year) -> list[Row[tuple[object, ...]]]:
    """Every notification of a certificate that expires, with its alert."""
    columns = (ALERT.c.id, ALERT.c.app, ALERT.c.credential, ALERT.c.not_after, *NOTIFICATION.c)
    query = select(*columns).join(NOTIFICATION, NOTIFICATION.c.alert_id == ALERT.c.id).where(ALERT.c.kind == EXPIRY)
    with year.database.reading() as connection:
        return list(connection.execute(query))


def sent(year: Year) -> Counter[tuple[str, str, str]]:
    """What the channels accepted: alert, step, channel."""
    found: Counter[tuple[str, str, str]] = Counter()
    for name, channel in year.channels.items():
        for _, message, _ in channel.messages:
            alert, *steps, told_on = message.key.split("/")
            assert told_on == name
            found.update((alert, step, name) for step in steps)
    return found


def run_of(year: Year, credential: Credential) -> list[Rotation]:
    """The rotations of a credential, the oldest first."""
    return list(reversed(rotations(year.database, credential.name)))


def late(due: datetime, until: datetime) -> timedelta:
    """How much later than `due` something may be done, by what kept the daemon from it meanwhile."""
    outages = sum((max(timedelta(0), min(end, until) - max(begin, due)) for begin, end in (STOPPED,)), timedelta(0))
    return outages + TICK + timedelta(hours=1)


def test_every_threshold_of_what_nobody_replaces_is_told_once_on_each_channel(year: Year) -> None:
    rows = [row for row in outbox(year) if row.step != "closed" and not row.credential]
    told = Counter(Telling(row.app, row.not_after, row.step, row.channel) for row in rows)
    assert told == expected()
    assert sum(told.values()) > 300


def test_what_the_outbox_says_was_told_the_channels_were_sent_once(year: Year) -> None:
    rows = outbox(year)
    assert all(row.delivered_at for row in rows)
    by_outbox = Counter((row.alert_id, row.step, row.channel) for row in rows)
    alerts = {row.alert_id for row in rows}
    assert Counter({key: count for key, count in sent(year).items() if key[0] in alerts}) == by_outbox
    assert set(sent(year).values()) == {1}


def test_thresholds_are_told_as_soon_as_somebody_watches(year: Year) -> None:
    when = {(row.app, row.step, row.channel): row.delivered_at for row in outbox(year)}
    for unmanaged in UNMANAGED:
        for threshold, crossed in crossings(unmanaged):
            told = when[unmanaged.name, label(threshold), "mail"]
            assert crossed <= told <= max(crossed, BEGIN) + late(crossed, told), (unmanaged.name, threshold)


def test_nothing_expires_unannounced(year: Year) -> None:
    """Not even what expires while nobody watches, or while its org or a channel is away."""
    when = {(row.app, row.step, row.channel): row.delivered_at for row in outbox(year)}
    for unmanaged in UNMANAGED:
        if BEGIN < unmanaged.not_after < min(END, unmanaged.replaced or END):
            assert all(when[unmanaged.name, "7d", channel] < unmanaged.not_after for channel in CHANNELS)


def test_what_slack_did_not_take_for_a_day_it_was_told_afterwards(year: Year) -> None:
    slack = year.channels["slack"]
    assert slack.refused > 0
    assert not [time for time, *_ in slack.messages if SLACK_DOWN[0] <= time < SLACK_DOWN[1]]
    others = [time for time, *_ in year.channels["mail"].messages if SLACK_DOWN[0] <= time < SLACK_DOWN[1]]
    assert others, "what is told meanwhile is told on the other channels"


def test_what_crosses_thresholds_while_its_org_cannot_be_read_is_told_from_memory(year: Year) -> None:
    told = {row.step: row.delivered_at for row in outbox(year) if row.app == "Unseen" and row.channel == "pager"}
    meanwhile = {step for step, time in told.items() if UNREADABLE[0] <= time < UNREADABLE[1]}
    assert meanwhile == {"1d", "expired"}


def test_an_alert_ends_where_it_was_told_when_a_person_replaces_the_certificate(year: Year) -> None:
    replaced = {each.name for each in UNMANAGED if each.replaced and each.replaced < END - TICK}
    closed = Counter(row.app for row in outbox(year) if row.step == "closed" and not row.credential)
    # Five days before expiry the pager has heard of it, too.
    assert closed == dict.fromkeys(replaced, len(CHANNELS))
    for name, channel in year.channels.items():
        for _, message, thread in channel.messages:
            if message.settles:
                assert thread, f"{name} was told the end outside the thread"


def test_no_certificate_is_told_to_expire_of_a_credential_that_is_left_to_the_schedule(year: Year) -> None:
    assert {row.credential for row in outbox(year) if row.credential} <= {"crm", "sync"}


@BY_SCHEDULE
def test_every_credential_is_rotated_in_time_and_never_twice(year: Year, credential: Credential) -> None:
    runs = run_of(year, credential)
    assert {run.outcome for run in runs} == {"rotated"}
    assert {run.trigger for run in runs} == {"schedule"}
    due = BEGIN + (credential.expires - 30) * DAY
    for run in runs:
        # It waits for its window, for the daemon, and for its org; never until the last day.
        assert due <= run.started_at < due + 8 * DAY
        due = run.started_at + credential.lifetime - 30 * DAY - timedelta(minutes=1)
    assert due > END - 8 * DAY, "the next one was due, too"
    assert year.current(credential.name).certificate.not_after > END


@BY_SCHEDULE
def test_previous_versions_are_retired_when_their_grace_has_ended(year: Year, credential: Credential) -> None:
    last = run_of(year, credential)[-1]
    stages = year.store.stages(credential.name)
    in_grace = last.started_at > END - 8 * DAY
    assert (stages.previous is not None) == in_grace
    assert stages.pending is None
    assert len(set(stages.fingerprints)) == 1 + in_grace
    if len(credential.apps) == 2 and not in_grace:
        app = next(app for app in credential.apps if app != year.current(credential.name).app)
        held = year.org(credential.org).app(app).live_certificate
        assert held is None or held.is_throwaway


def told_of_standstills(year: Year) -> Counter[tuple[str, str, str]]:
    """How often each channel was sent that a pause or a freeze would let a credential expire, or of its end."""
    return Counter(
        (str(message.alert.credential), "closed" if message.settles else "opened", channel.name)
        for channel in year.channels.values()
        for _, message, _ in channel.messages
        if message.alert.kind == HELD
    )


def test_what_is_paused_frozen_or_manual_is_not_begun_by_schedule_meanwhile(year: Year) -> None:
    """And afterwards it is. Between them the four held up eighteen months."""
    begun = {name: [run.started_at for run in rotations(year.database, name)] for name in HELD_UP}
    by_hand = {name: [run.trigger for run in rotations(year.database, name)].count("manual") for name in HELD_UP}
    assert by_hand == {"crm": 0, "outbox": 0, "mailer": 1, "sync": 0}
    assert begun["sync"] == []
    assert [PAUSED[1] <= each < PAUSED[1] + 2 * TICK for each in begun["crm"]] == [True]
    assert sorted(begun["outbox"])[0] - BEGIN < 120 * DAY + 2 * TICK
    assert not [each for each in begun["outbox"] if 100 * DAY <= each - BEGIN < 120 * DAY]
    assert not [each for each in begun["mailer"] if 73 * DAY <= each - BEGIN < 110 * DAY]
    assert {name: len(these) for name, these in begun.items()} == {"crm": 1, "outbox": 3, "mailer": 6, "sync": 0}
    assert {run.outcome for name in HELD_UP for run in rotations(year.database, name)} == {"rotated"}


def test_what_they_would_let_expire_is_told_once_in_time_on_every_channel(year: Year) -> None:
    expected = Counter((name, step, channel) for name in ("crm", "mailer") for step in ("opened", "closed")
                       for channel in CHANNELS)  # fmt: skip
    assert told_of_standstills(year) == expected
    opened = {
        message.alert.credential: time
        for time, message, _ in reversed(year.channels["mail"].messages)
        if message.alert.kind == HELD and not message.settles
    }
    assert opened["crm"] < BEGIN + 77 * DAY, "it was due while the daemon was stopped"
    assert opened["mailer"] <= BY_HAND, "a week before the freeze"


def test_a_manual_credential_is_told_at_every_threshold_on_every_channel(year: Year) -> None:
    steps = Counter((row.step, row.channel) for row in outbox(year) if row.credential == "sync")
    heard = {channel: [each for each in THRESHOLDS if channel != "pager" or each <= PAGED] for channel in CHANNELS}
    assert steps == Counter((label(each), channel) for channel, these in heard.items() for each in these)
    assert len(year.store.stages("sync").fingerprints) == 1


@EACH_CREDENTIAL
def test_consumers_log_in_at_the_end(year: Year, credential: Credential) -> None:
    current = year.current(credential.name)
    assert year.org(credential.org).app(current.app).live_certificate == current.certificate


def test_rotations_under_either_strategy_went_over_https(year: Year) -> None:
    early = {run.strategy for run in rotations(year.database) if run.started_at < NEAR_SINCE}
    assert early == {"in_place", "alternating"}


def test_rotations_wait_for_their_windows(year: Year) -> None:
    for name in ("quotes", "reports"):
        for run in rotations(year.database, name):
            assert run.started_at.weekday() in {5, 6, 0}
            assert run.started_at.hour in {21, 22, 23, 0, 1, 2, 3, 4, 5}


def test_each_rotation_is_told_once_on_each_channel_that_hears_of_everything(year: Year) -> None:
    told = Counter(message.title for _, message, _ in year.channels["slack"].messages if "was rotated" in message.title)
    by_schedule = [run for run in rotations(year.database) if run.trigger == "schedule"]
    count = Counter(f"{run.credential} was rotated in {run.org}" for run in by_schedule)
    assert told == count
    assert sum(count.values()) > 30


def test_the_outage_of_an_org_is_told_when_it_lasts_and_when_it_ends(year: Year) -> None:
    titles = [
        (time, message.title) for time, message, _ in year.channels["mail"].messages if "beta cannot" in message.title
    ]
    begun, ended = (time for time, _ in titles)
    assert UNREADABLE[0] <= begun < UNREADABLE[1] <= ended <= UNREADABLE[1] + timedelta(days=1)


def test_a_heartbeat_follows_each_full_round(year: Year) -> None:
    gaps = [later - earlier for earlier, later in pairwise(year.beats)]
    assert len(year.beats) == len(set(year.beats))
    stopped = [gap for gap in gaps if gap > LOOKED_EVERY + TICK + timedelta(hours=1)]
    assert len(stopped) == 1, "only while it was stopped did the monitor hear nothing"
    assert stopped[0] >= STOPPED[1] - STOPPED[0] - LOOKED_EVERY
    assert len(year.beats) > (END - BEGIN - (STOPPED[1] - STOPPED[0])) / (LOOKED_EVERY + TICK)


def test_the_history_of_the_year_is_whole_and_nothing_is_failing(year: Year) -> None:
    assert verify(year.database).intact
    assert year.jobs[JobKind.MAINTENANCE] >= 355


def test_looks_in_memory_show_what_looks_over_https_show(year: Year) -> None:
    with year.program() as app:
        for org in ORGS:
            real = {each.place: each for each in app.inventory_over_https(org).entries}
            mine = {each.place: each for each in year.inventory(org).entries}
            assert real.keys() == mine.keys()
            assert all(real[key].fingerprint == mine[key].fingerprint for key in real)
            assert all(real[key].not_after == mine[key].not_after for key in real)
    assert sum(len(year.org(org).apps) for org in ORGS) == 40
