"""What consumers say ends a grace sooner, or keeps a previous version for longer where that is required."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import ActionKind
from rotator.core.decision.decide import decide
from rotator.core.decision.observations import Observation
from rotator.core.decision.options import RotationOptions
from rotator.core.decision.policies import Goal, Policy, Wanted
from rotator.core.lifecycle.credential_life import CredentialLife
from rotator.core.lifecycle.dates import gives_way_at, grace_end
from rotator.core.observed import KnownVersion, ObservedApp
from rotator.core.thresholds import NEVER
from rotator.core.usage.retirement import Confirmation, ConsumerReport, Retire, confirmed_at, unconfirmed

PROMOTED: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
CONFIRMED: Final = PROMOTED + DAY
GRACE: Final = PROMOTED + 7 * DAY
LATE: Final = PROMOTED + 20 * DAY

AFTER_GRACE: Final = Policy()
WHEN_CONFIRMED: Final = Policy(retire=Retire.WHEN_CONFIRMED)
REQUIRED: Final = Policy(require_confirmation=True)
BOTH: Final = Policy(retire=Retire.WHEN_CONFIRMED, require_confirmation=True)


def version(name: str, app: str) -> KnownVersion:
    return KnownVersion(Fingerprint(name), app, f"key of {name}", PROMOTED + 365 * DAY)


def seen(at: datetime | None = None, *, is_old_key_used: bool = False) -> Observation:
    """A pair of apps, each of which holds the certificate of its version."""
    apps = {name: ObservedApp(name, live=Fingerprint(of)) for name, of in (("A", "old"), ("B", "new"))}
    return Observation(
        apps,
        current=version("new", "B"),
        previous=version("old", "A"),
        promoted_at=PROMOTED,
        confirmation=Confirmation(at, is_old_key_used),
    )


@pytest.mark.parametrize(
    ("policy", "confirmed", "is_old_key_used", "end"),
    [
        (AFTER_GRACE, None, False, GRACE),
        (AFTER_GRACE, CONFIRMED, False, GRACE),
        (WHEN_CONFIRMED, None, False, GRACE),
        (WHEN_CONFIRMED, CONFIRMED, False, CONFIRMED),
        (WHEN_CONFIRMED, LATE, False, GRACE),
        # Somebody whom the configuration does not name is on the old key: it is not ended under his hands.
        (WHEN_CONFIRMED, CONFIRMED, True, GRACE),
        (REQUIRED, None, False, NEVER),
        (REQUIRED, CONFIRMED, False, GRACE),
        (REQUIRED, LATE, False, LATE),
        (REQUIRED, LATE, True, LATE),
        (BOTH, None, False, NEVER),
        (BOTH, CONFIRMED, False, CONFIRMED),
        (BOTH, CONFIRMED, True, GRACE),
        (BOTH, LATE, False, LATE),
    ],
)
def test_the_end_of_a_grace(policy: Policy, confirmed: datetime | None, is_old_key_used: bool, end: datetime) -> None:
    observed = seen(confirmed, is_old_key_used=is_old_key_used)
    assert grace_end(observed, policy) == end
    before, after = end - timedelta(seconds=1), min(end, NEVER - DAY)
    wanted = Wanted(Goal.FINISH)
    assert decide(observed, wanted, policy, before).kind is ActionKind.DONE
    if end != NEVER:
        assert decide(observed, wanted, policy, after).kind is ActionKind.DISABLE
    life = CredentialLife(seen=observed, policy=policy, thresholds=(), now=before)
    assert life.previous_until == (None if end == NEVER else end)
    assert life.waits_for_consumers is (end == NEVER)


@pytest.mark.parametrize("policy", [AFTER_GRACE, WHEN_CONFIRMED, REQUIRED, BOTH])
def test_a_key_in_wrong_hands_waits_for_nobody(policy: Policy) -> None:
    ended_now = RotationOptions(retire_now=True)
    for wanted in (Wanted(Goal.FINISH, compromised=True), Wanted(Goal.FINISH, options=ended_now)):
        assert decide(seen(), wanted, policy, PROMOTED + DAY).kind is ActionKind.DISABLE


def test_silence_holds_up_no_rotation_beyond_the_usual_grace() -> None:
    assert gives_way_at(seen(), REQUIRED, PROMOTED + DAY) == GRACE
    assert gives_way_at(seen(), REQUIRED, GRACE) is None
    assert gives_way_at(seen(CONFIRMED), WHEN_CONFIRMED, PROMOTED) == CONFIRMED


def test_an_end_that_depends_on_consumers_is_told_as_none() -> None:
    assert decide(seen(), Wanted(Goal.FINISH), REQUIRED, LATE).until is None
    assert decide(seen(), Wanted(Goal.FINISH), AFTER_GRACE, PROMOTED).until == GRACE


def report(consumer: str, fingerprint: str = "new", *, hours: float = 1) -> ConsumerReport:
    at = PROMOTED + timedelta(hours=hours)
    return ConsumerReport(
        credential="billing", consumer=consumer, fingerprint=fingerprint, logged_in_at=at, noted_at=at, via="post"
    )


def test_all_of_the_configuration_must_have_said_so() -> None:
    names = ("batch", "web")
    assert unconfirmed(names, [], "new") == ["batch", "web"]
    assert unconfirmed(names, [report("web"), report("batch", "old"), report("else")], "new") == ["batch"]
    assert confirmed_at(names, [report("web")], "new", PROMOTED) is None
    assert confirmed_at(names, [report("web"), report("batch", "old")], "new", PROMOTED) is None
    both = [report("web", hours=3), report("batch", hours=2), report("else", "old", hours=9)]
    assert confirmed_at(names, both, "new", PROMOTED) == PROMOTED + timedelta(hours=3)


def test_nobodys_silence_is_no_confirmation() -> None:
    assert confirmed_at((), [report("web")], "new", PROMOTED) is None


def test_who_logged_in_with_it_before_it_was_promoted_confirms_it_then() -> None:
    early = replace(report("web"), noted_at=PROMOTED - timedelta(minutes=1))
    assert confirmed_at(("web",), [early], "new", PROMOTED) == PROMOTED
