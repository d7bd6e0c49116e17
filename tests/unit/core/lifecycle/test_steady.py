"""Until the moment that `steady_until` says, every answer of a life is what it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from rotator.core.attempts import AttemptRecord
from rotator.core.credentials import Fingerprint
from rotator.core.decision.policies import Policy
from rotator.core.lifecycle.certificate_life import CertificateLife
from rotator.core.lifecycle.credential_life import CredentialLife
from rotator.core.observed import KnownVersion, ObservedApp, ObservedCertificate, ObservedCredential
from rotator.core.schedule import Mode, Schedule, Standstill, Why
from rotator.core.thresholds import Expiry
from rotator.core.windows import Cron

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
THRESHOLDS = [days * DAY for days in (60, 30, 14, 7, 3, 1)]

# Few different times, so that many of them meet.
times = st.one_of(st.integers(-3, 90), st.floats(-2, 2)).map(lambda days: NOW + days * DAY)
shares = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)
"""How much of the time until an end has passed."""
spans = st.integers(0, 90).map(lambda days: days * DAY)
expiries = st.builds(
    Expiry,
    not_after=times,
    thresholds=st.lists(spans, max_size=4),
    rotate_before=st.none() | spans,
    deferred_until=st.none() | times,
    is_by_hand=st.booleans(),
)
standstills = st.builds(
    Standstill, why=st.sampled_from(Why), since=times, until=st.none() | times, reason=st.just("x"), by=st.just("ana")
)
schedules = st.builds(
    Schedule,
    mode=st.sampled_from(Mode),
    windows=st.sampled_from([(), (Cron("0 2 * * 6", timedelta(hours=4), ZoneInfo("UTC")),)]),
    standstills=st.lists(standstills, max_size=3),
    lasts=st.just(timedelta(hours=1)),
)
attempts = st.builds(
    AttemptRecord,
    kind=st.just("rotate"),
    name=st.just("billing"),
    last_at=st.none() | times,
    next_at=st.none() | times,
    failures=st.integers(0, 5),
)


def until(end: datetime, share: float) -> datetime:
    """A moment from now to just before an end, the furthest when all of it has passed; none where it has come."""
    assume(end > NOW)
    longest = min(end - NOW - timedelta(microseconds=1), 120 * DAY)
    return NOW + longest * share


def version(name: str, not_after: datetime, not_before: datetime | None = None) -> KnownVersion:
    return KnownVersion(Fingerprint(name), "A", f"key of {name}", not_after, not_before)


@st.composite
def credentials(draw: st.DrawFn) -> ObservedCredential | None:
    current = draw(st.none() | st.builds(version, st.just("current"), times, st.none() | times))
    return draw(
        st.none()
        | st.builds(
            ObservedCredential,
            apps=st.sampled_from(["current", "previous", "other", None]).map(
                lambda live: {"A": ObservedApp("A", live=Fingerprint(live) if live else None)}
            ),
            current=st.just(current),
            previous=st.none() | times.map(lambda time: version("previous", time)),
            pending=st.none() | times.map(lambda time: version("pending", time)),
            promoted_at=st.none() if current is None else times,
        )
    )


credential_lives = st.builds(
    CredentialLife,
    seen=credentials(),
    policy=st.just(Policy()),
    thresholds=st.just(THRESHOLDS),
    now=st.just(NOW),
    is_known=st.booleans(),
    refused_since=st.none() | times,
    needs_attention=st.booleans(),
    unstored_not_after=st.none() | times,
    attempt=st.none() | attempts,
    schedule=schedules,
)


@given(expiries, st.none() | times, st.booleans(), shares)
def test_a_certificate_is_as_it_was_until_then(
    expiry: Expiry, not_before: datetime | None, is_readable: bool, share: float
) -> None:
    seen = ObservedCertificate(
        org="o",
        app="A",
        fingerprint="f",
        not_before=not_before,
        not_after=expiry.not_after,
        is_readable=is_readable,
    )
    before = CertificateLife(seen=seen, now=NOW, expiry=expiry)
    later = until(before.steady_until, share)
    after = replace(before, now=later)
    names = ("state", "urgency", "due_at", "valid_from", "is_in_use", "is_anybodys_business")
    assert {name: getattr(after, name) for name in names} == {name: getattr(before, name) for name in names}
    assert expiry.crossed(later) == expiry.crossed(NOW)
    assert after.steady_until == before.steady_until


@given(credential_lives, shares)
def test_a_credential_is_as_it_was_until_then(before: CredentialLife, share: float) -> None:
    later = until(before.steady_until, share)
    after = replace(before, now=later)
    names = ("state", "urgency", "begins", "goes_on_at", "danger", "previous_until", "due_at", "is_lost", "not_after")
    assert {name: getattr(after, name) for name in names} == {name: getattr(before, name) for name in names}
    assert after.schedule.in_force(later) == before.schedule.in_force(NOW)
    assert after.next_due == before.next_due


def test_what_is_due_or_half_done_moves_with_the_time() -> None:
    due = ObservedCredential(
        {"A": ObservedApp("A", live=Fingerprint("current"))}, current=version("current", NOW + DAY)
    )
    life = CredentialLife(seen=due, policy=Policy(), thresholds=THRESHOLDS, now=NOW)
    assert life.steady_until == NOW
    half_done = replace(due, current=version("current", NOW + 90 * DAY), pending=version("pending", NOW + 365 * DAY))
    assert replace(life, seen=half_done).steady_until == NOW
