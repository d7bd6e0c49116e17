"""What audits found stands until one has seen that it is well, on either database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.posture.checks import Risk
from rotator.core.posture.judgements import Verdict
from rotator.history.audit_findings import AuditFindings
from rotator.history.retention import KEPT
from tests.contract.history.databases import NOW
from tests.contract.history.findings import EXCEPTED, WEAK

if TYPE_CHECKING:
    from rotator.core.posture.assessment import Result
    from rotator.history.engine.database import Database

DAY: Final = timedelta(days=1)
WELL: Final = replace(WEAK, verdict=Verdict.OK, seen="The key has 2048 bits.")
HIDDEN: Final = replace(WEAK, verdict=Verdict.HIDDEN, seen="", needs="the store, which cannot be read")


def test_what_was_found_is_kept_with_all_that_is_known_of_it(database: Database) -> None:
    kept = AuditFindings(database)
    assert kept.put("production", [EXCEPTED, WEAK, replace(WELL, org="production", credential="other")], NOW) == []
    first, second = kept.all()
    assert (first.key, first.verdict, first.risk) == (WEAK.key, Verdict.FINDING, Risk.HIGH)
    assert (first.seen, first.since, first.last_seen) == (WEAK.seen, NOW, NOW)
    assert first.is_open
    assert (second.key, second.credential, second.verdict) == (EXCEPTED.key, None, Verdict.EXCEPTED)
    assert EXCEPTED.exemption
    assert (second.reason, second.until) == ("until spring", EXCEPTED.exemption.until)
    assert not second.is_open


def test_it_is_so_since_the_first_audit_that_found_it(database: Database) -> None:
    kept = AuditFindings(database)
    kept.put("production", [WEAK], NOW)
    kept.put("production", [replace(WEAK, seen="The key has 512 bits.")], NOW + DAY)
    [found] = kept.all()
    assert (found.seen, found.since, found.last_seen) == ("The key has 512 bits.", NOW, NOW + DAY)


def test_it_ends_when_it_is_well_or_nobody_asks_any_more(database: Database) -> None:
    kept = AuditFindings(database)
    kept.put("production", [WEAK, EXCEPTED], NOW)
    ended = kept.put("production", [WELL], NOW + DAY)
    assert sorted(each.key for each in ended) == sorted([WEAK.key, EXCEPTED.key])
    assert kept.all() == []
    kept.put("production", [WEAK], NOW + 2 * DAY)
    [again] = kept.all()
    assert again.since == NOW + 2 * DAY


def test_what_cannot_be_seen_any_more_has_not_ended(database: Database) -> None:
    kept = AuditFindings(database)
    kept.put("production", [WEAK], NOW)
    assert kept.put("production", [HIDDEN], NOW + DAY) == []
    [found] = kept.all()
    assert (found.verdict, found.last_seen) == (Verdict.FINDING, NOW)


def test_what_was_never_seen_is_not_visible_and_is_found_once_it_is(database: Database) -> None:
    kept = AuditFindings(database)
    kept.put("production", [HIDDEN], NOW)
    [hidden] = kept.all()
    assert (hidden.verdict, hidden.needs, hidden.is_open) == (Verdict.HIDDEN, HIDDEN.needs, False)
    kept.put("production", [WEAK], NOW + DAY)
    [found] = kept.all()
    assert (found.verdict, found.since, found.needs) == (Verdict.FINDING, NOW + DAY, "")


@pytest.mark.parametrize("before", [HIDDEN, replace(EXCEPTED, check=HIDDEN.check, credential=HIDDEN.credential)])
def test_of_what_is_no_finding_and_not_visible_the_last_reason_is_kept(database: Database, before: Result) -> None:
    kept = AuditFindings(database)
    kept.put("production", [before], NOW)
    kept.put("production", [replace(HIDDEN, needs='the permission "B"')], NOW + DAY)
    [hidden] = kept.all()
    assert (hidden.verdict, hidden.needs, hidden.last_seen) == (Verdict.HIDDEN, 'the permission "B"', NOW + DAY)
    assert (hidden.reason, hidden.until) == ("", None)


def test_orgs_are_apart(database: Database) -> None:
    kept = AuditFindings(database)
    kept.put("production", [WEAK], NOW)
    kept.put("sandbox", [replace(WEAK, org="sandbox")], NOW)
    kept.put("production", [], NOW + DAY)
    assert [each.org for each in kept.all()] == ["sandbox"]
    assert kept.all(["production"]) == []


def test_what_ended_long_ago_and_orgs_that_are_gone_are_forgotten(database: Database) -> None:
    kept = AuditFindings(database)
    kept.put("production", [WEAK], NOW)
    kept.put("sandbox", [replace(WEAK, org="sandbox")], NOW)
    kept.put("production", [], NOW)
    kept.forget(NOW + KEPT + DAY, ["production"])
    assert kept.all() == []
    assert kept.put("production", [], NOW + 2 * KEPT) == []
