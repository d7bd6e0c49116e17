"""What people are told of a rotation: how it ended, what happens by itself, and what they are to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from rotator.core.alert import Alert
from rotator.core.attempts import AttemptRecord
from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import HaltReason
from rotator.core.decision.policies import Strategy
from rotator.core.severity import Severity
from rotator.errors import OrgError, OrgUnavailable
from rotator.services.alerting import rotation_alerts
from rotator.services.rotation.gap import MeasuredGap
from rotator.services.rotation.report import Outcome, Report
from tests.unit.services.alerting.every_kind import DAY, NOW, alerts_of

TRIED: Final = AttemptRecord(
    "rotate", "billing", failures=5, next_at=NOW + DAY, last_good_at=NOW - DAY, problem="It failed.", hint="Look."
)
REPORT: Final = Report("billing", Strategy.IN_PLACE, Outcome.ROTATED, "It ended.", "See to it.", "Again.", None)
ROTATED: Final = replace(
    REPORT,
    rotation_id="r1",
    old_fingerprint=Fingerprint("a" * 64),
    new_fingerprint=Fingerprint("b" * 64),
    gap=MeasuredGap(length=timedelta(seconds=4.2)),
    warnings=("Mind.",),
)
LEFT_ALONE: Final = "No new rotation of billing begins before something in its store"


def test_all_that_is_wrong_with_a_rotation_is_one_trouble() -> None:
    kinds = {"rotation", "delayed", "halted", "refused", "accepted", "reverted"}
    found = {(each.kind, each.key) for each in alerts_of(OrgError("No.", hint="Look.")) if each.kind in kinds}
    assert found == {(kind, "rotation:billing") for kind in kinds}
    for is_half_done in (True, False):
        assert rotation_alerts.given_up(TRIED, "production", is_half_done=is_half_done).key == "rotation:billing"


@pytest.mark.parametrize(
    ("seconds", "lasted"),
    [(0.0, "No consumer can have been refused."), (99.94, "for 99.9 seconds."), (100.0, "for 100 seconds.")],
)
def test_one_that_ended_well_says_so_with_its_gap(seconds: float, lasted: str) -> None:
    new = rotation_alerts.rotated(replace(ROTATED, gap=MeasuredGap(length=timedelta(seconds=seconds))), "production")
    assert (new.title, new.fingerprint) == ("billing was rotated in production", "b" * 64)
    assert new.text.startswith("The new key logs in and is current. ")
    assert new.text.endswith(f"{lasted} Mind.")
    assert (new.facts["Old certificate"], new.facts["New certificate"]) == ("a" * 64, "b" * 64)
    back = rotation_alerts.rotated(replace(ROTATED, outcome=Outcome.RESTORED), "production")
    assert back.title == "billing has its certificate back in production"
    assert back.text.startswith("Current's certificate is on its app again")


def test_what_failed_and_what_has_to_wait_are_told_apart() -> None:
    failed = rotation_alerts.failed(TRIED, "production", OrgError("No.", effect="It is as it was.", hint="Look."))
    assert (failed.kind, failed.title) == ("rotation", "The rotation of billing in production failed")
    assert (failed.text, failed.to_do) == ("No. It is as it was.", "Look.")
    away = rotation_alerts.failed(TRIED, "production", OrgUnavailable("Away."))
    assert (away.kind, away.title) == ("delayed", "The rotation of billing in production has to wait")
    assert away.to_do.startswith("Nothing, unless it lasts; then `rotator check`")
    assert failed.facts["Last success"] == away.facts["Last success"] == "2026-11-22 12:00 UTC"


def test_a_halt_says_what_is_done_once_it_was_seen_to() -> None:
    halted = rotation_alerts.halted(TRIED, "production", "It stands.", "")
    assert halted.meanwhile == "It looks by itself whether that was seen to, and then goes on."
    assert halted.facts["Last success"] == "2026-11-22 12:00 UTC"
    assert "Login History" in halted.to_do
    by_hand = rotation_alerts.halted(replace(TRIED, failures=0), "production", "It stands.", "")
    assert by_hand.meanwhile.endswith("goes on when it next takes the inventory of production.")
    over = rotation_alerts.halted(TRIED, "production", "It stands.", "", is_half_done=False)
    assert over.meanwhile.startswith("The next one begins when it is due")


@pytest.mark.parametrize(
    ("reason", "to_do"),
    [
        (HaltReason.STANDBY_UNKNOWN, "if nobody needs it, `rotate now billing --replace-unknown`."),
        (HaltReason.SECOND_PAIR_UNKNOWN, "`rotate now billing --replace-unknown` deletes it."),
        (HaltReason.NOT_KEPT, "`rotate now billing` makes a new version."),
        (HaltReason.NOTHING_STORED, "`rotator adopt billing --key FILE` takes the one that is in use."),
        (None, "Look."),
    ],
)
def test_what_to_do_about_a_halt_follows_from_its_reason(reason: HaltReason | None, to_do: str) -> None:
    assert rotation_alerts.halted(TRIED, "production", "It stands.", "Look.", reason).to_do.endswith(to_do)
    refused = rotation_alerts.refused(TRIED, "production", NOW, "It stands.", "Look.", reason)
    assert to_do in refused.to_do
    assert ("restore" in refused.to_do) is (reason is not HaltReason.NOTHING_STORED)


@pytest.mark.parametrize("has_ended", [True, False])
def test_that_consumers_log_in_again_is_told_with_whether_the_rotation_has_ended(has_ended: bool) -> None:
    refused = rotation_alerts.refused(TRIED, "production", NOW, "It stands.", "Look.")
    told = Alert(**vars(refused), id="20261123-7f3k9qzm", opened_at=NOW)
    new = rotation_alerts.accepted_again(told, has_ended=has_ended)
    assert (new.kind, new.severity, new.refused_since) == ("accepted", Severity.WARNING, None)
    assert new.title == "Consumers of billing in production log in again" + (
        "" if has_ended else "; its rotation has not ended"
    )
    assert new.text.endswith("has ended." if has_ended else "what `current` names in the store logs in.")
    assert ("`rotator status billing`" if has_ended else "`rotator history billing`") in new.to_do
    assert (new.again_at, new.meanwhile == "No rotation of it is under way.") == (
        None if has_ended else TRIED.next_at,
        has_ended,
    )


@pytest.mark.parametrize("needs_attention", [True, False])
def test_one_that_was_taken_back_is_tried_again_unless_a_person_is_needed(needs_attention: bool) -> None:
    attempt = replace(TRIED, needs_attention=needs_attention)
    new = rotation_alerts.reverted(attempt, "production", replace(ROTATED, outcome=Outcome.REVERTED))
    assert new.text == ("It ended. Consumers that know only `current` may have been refused for 4.2 seconds.")
    assert new.facts["Certificate"] == "a" * 64
    assert new.again_at == (None if needs_attention else TRIED.next_at)
    assert new.meanwhile.startswith(LEFT_ALONE if needs_attention else "It is tried again by itself.")
    assert new.to_do == "See to it. To have it tried at once: `rotate now billing`."


@pytest.mark.parametrize("is_half_done", [True, False])
def test_one_that_is_left_to_a_person_is_tried_now_and_then_where_it_is_half_done(is_half_done: bool) -> None:
    new = rotation_alerts.given_up(TRIED, "production", is_half_done=is_half_done)
    assert (new.org, new.text) == ("production", "It failed.")
    assert new.again_at == (TRIED.next_at if is_half_done else None)
    assert new.meanwhile.startswith("It is half done" if is_half_done else LEFT_ALONE)
    assert new.to_do == "Look. Then `rotate now billing` begins at once."
    assert new.facts["Last success"] == "2026-11-22 12:00 UTC"
    without = rotation_alerts.given_up(replace(TRIED, hint=""), "production", is_half_done=is_half_done)
    assert without.to_do.startswith("Find out with `rotator check` what stands in the way of billing. Then")
