"""One alert of every kind there is, made of any error: what holds for all of them is asked of these."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from rotator.alerts.base import DeliveryFailed
from rotator.core.alert import Alert
from rotator.core.attempts import DELIVER, INVENTORY, ROTATE, AttemptRecord
from rotator.core.credentials import Stage
from rotator.core.decision.policies import Strategy
from rotator.core.hook import HookCall, HookEvent
from rotator.core.lifecycle.certificate_life import CertificateLife
from rotator.core.lifecycle.revocation import EVERY_STEP, Revocation
from rotator.core.machines.fleet import UnknownJobs
from rotator.core.observed import ObservedCertificate
from rotator.core.posture.checks import CHECKS, Risk
from rotator.core.posture.judgements import Verdict
from rotator.core.posture.kept_finding import KeptFinding
from rotator.core.schedule import Schedule, Standstill, Why
from rotator.core.thresholds import Expiry
from rotator.core.usage.sources import Source
from rotator.daemon import configuration
from rotator.errors import OrgUnavailable, RotatorError
from rotator.history.records import ChainVerification
from rotator.history.signing.heads import Head
from rotator.services.alerting import (
    catalog,
    drift_alerts,
    posture_alerts,
    revocation_alerts,
    rotation_alerts,
    standstill_alerts,
    usage_alerts,
    vanished_alerts,
)
from rotator.services.alerting.expiry import expires, weakness_of
from rotator.services.alerting.kinds import STORE
from rotator.services.hooks import hook_alerts
from rotator.services.inventory.remarks import Remark
from rotator.services.machines import machine_alerts
from rotator.services.rotation.report import Outcome, Report
from tests.unit import fleets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.core.alert import NewAlert
    from rotator.core.decision.actions import HaltReason

NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)


def tried(name: str, kind: str = ROTATE) -> AttemptRecord:
    """An attempt at something."""
    return AttemptRecord(kind, name)


def alerts_of(error: RotatorError, reason: HaltReason | None = None) -> Iterator[NewAlert]:
    """At least one of every kind."""
    about = {"problem": error.message, "hint": error.hint, "failures": 5, "next_at": NOW + DAY, "last_good_at": NOW}
    attempts = {kind: AttemptRecord(kind, "any", **about) for kind in (INVENTORY, ROTATE, DELIVER, STORE)}  # type: ignore[arg-type]
    mine = AttemptRecord(ROTATE, "billing", **about)  # type: ignore[arg-type]
    away = OrgUnavailable(error.message, effect=error.effect, hint=error.hint, rerun=error.rerun)
    failed = DeliveryFailed(error.message, hint=error.hint)
    report = Report("billing", Strategy.IN_PLACE, Outcome.REVERTED, error.message, error.hint, error.rerun, reason)
    for needs_attention in (False, True):
        attempt = replace(attempts[INVENTORY], name="production", needs_attention=needs_attention)
        yield catalog.unreadable_org(attempt, error)
    yield catalog.unreadable_store("keys", error, attempts[STORE])
    yield catalog.hidden("production", "Certificate", error)
    yield catalog.unreadable("production", "Certificate", "Signing", error)
    yield catalog.unreadable_stored("billing", "production", "keys", error)
    yield catalog.unreadable_stored("billing", "production", "keys", error, (Stage.CURRENT, "a" * 64))
    yield catalog.unreadable_rows("event", {"7": ("kind", "")})
    yield from _of_changes_by_hand()
    for done in ((), EVERY_STEP):
        known = Revocation(since=NOW, by="ana@crm", reason=error.message, wanted=EVERY_STEP, done=done)
        yield revocation_alerts.revoked("billing", "production", known)
        yield revocation_alerts.revoked("billing", "production", known, is_coming_back=True)
    for fingerprint, let_in_by in (("ab" * 32, ""), ("", "the profile Integration, for Billing")):
        seen = replace(known, let_in_by=let_in_by)
        yield revocation_alerts.undone("billing", "production", "Billing", fingerprint, seen)
    yield catalog.unstored("billing", "production")
    yield catalog.lost("billing", "production", "keys", NOW)
    yield vanished_alerts.vanished("production", "ConnectedApp", "Legacy", NOW)
    yield vanished_alerts.vanished("production", "ConnectedApp", "Billing", NOW, "billing")
    yield vanished_alerts.vanished_together("production", ["App_1", "App_2"], NOW)
    yield catalog.undelivered("ops", failed)
    for event, again_at in ((HookEvent.ROTATED, NOW + DAY), (HookEvent.DRIFT, None)):
        call = HookCall(id="reload-7", event=event, credential="billing", org="production", at=NOW)
        yield hook_alerts.hook_failed("reload", call, error, again_at=again_at)
    yield catalog.head_of_history(Head(7, "a" * 64, NOW, "b" * 16, "c" * 86))
    yield catalog.history_broken(
        ChainVerification(events=3, intact=False, first_bad=4, why="An event was changed.", head="h")
    )
    yield rotation_alerts.rotated(report, "production")
    yield rotation_alerts.failed(mine, "production", error)
    yield rotation_alerts.failed(mine, "production", away)
    yield rotation_alerts.halted(mine, "production", error.message, error.hint, reason)
    refused = rotation_alerts.refused(mine, "production", NOW, error.message, error.hint, reason)
    yield refused
    told = Alert(**vars(refused), id="20261123-7f3k9qzm", opened_at=NOW)
    for has_ended in (True, False):
        yield rotation_alerts.accepted_again(told, has_ended=has_ended)
    yield rotation_alerts.reverted(mine, "production", report)
    for is_half_done in (True, False):
        yield rotation_alerts.given_up(mine, "production", is_half_done=is_half_done)
    yield rotation_alerts.window_overridden("billing", "production", "a" * 64, error.message)
    yield from _of_standstills()
    yield from _of_certificates()
    yield from _of_usage()
    yield from _of_audits()
    yield from _of_machines()
    yield configuration.refused(error)
    yield configuration.refused(error, "crm-2")


def _of_changes_by_hand() -> Iterator[NewAlert]:
    yield drift_alerts.drift("billing", "production", "Billing", "b" * 64)
    yield drift_alerts.drift("billing", "production", "Billing", None, is_hidden=True)
    yield drift_alerts.other_consumer_key("billing", "production", "Billing", Remark("It has another.", "Rotate it."))
    yield drift_alerts.secret_drift("billing", "production", "Billing", is_current_taken=False)
    yield catalog.unstored("billing", "production", has_secret=True)


def _of_machines() -> Iterator[NewAlert]:
    unknown = (UnknownJobs(machine="crm-2-1240", kind="look", name="production", times=3),)
    for fleet in (fleets.in_trouble(NOW), fleets.stalled(NOW), replace(fleets.well(NOW), unknown=unknown)):
        for held in ({}, {"billing": fleets.holder_of(fleet.machines[-1], NOW)}):
            yield from machine_alerts.alerts_of(fleet, held)


def _of_audits() -> Iterator[NewAlert]:
    about = {"seen": "It is so.", "needs": "", "reason": "", "until": None, "since": NOW, "last_seen": NOW}
    for check in (*(each.name for each in CHECKS), "of-a-later-release"):
        for credential, risk in ((None, Risk.LOW), ("billing", Risk.HIGH)):
            yield posture_alerts.finding(
                KeptFinding(
                    org="production",
                    credential=credential,
                    check=check,
                    risk=risk,
                    verdict=Verdict.FINDING,
                    **about,  # type: ignore[arg-type]
                )
            )


def _of_usage() -> Iterator[NewAlert]:
    pause = Standstill(why=Why.PAUSE, since=NOW, reason="audit", by="ana@crm", scope="org production")
    sources = [Source(f"192.0.2.{at}", "", before_at=NOW, refused_at=NOW, refused=at + 1) for at in range(12)]
    for some in (sources[:1], sources):
        for goes_back, held_by in ((True, ()), (False, ()), (False, (pause,))):
            yield usage_alerts.left_behind(
                "billing",
                "production",
                "b@example.com",
                some,
                goes_back=goes_back,
                held_by=held_by,
                previous_until=NOW + DAY,
                now=NOW,
            )
    for by_hand in (False, True):
        left = "consumers were left behind: 192.0.2.7"
        yield usage_alerts.went_back("billing", "production", "0" * 26, left, by_hand=by_hand)
    silent = [Source("192.0.2.7", "batch/1", before_at=NOW)]
    yield usage_alerts.unmoved("billing", "production", "b@example.com", silent, ["batch"], NOW + DAY)
    yield usage_alerts.unmoved("billing", "production", "b@example.com", [], ["batch", "web"], None)


def _of_standstills() -> Iterator[NewAlert]:
    pause = Standstill(why=Why.PAUSE, since=NOW, reason="audit", by="ana@crm", scope="org production")
    freeze = Standstill(why=Why.FREEZE, since=NOW, until=NOW + 9 * DAY, reason="year-end")
    start = Standstill(why=Why.FIRST_START, since=NOW, until=NOW + DAY)
    for schedule in (Schedule(standstills=[pause]), Schedule(standstills=[pause, freeze, start])):
        begins = schedule.beginning(NOW, expires_at=NOW + 5 * DAY)
        danger = schedule.danger(begins, NOW, expires_at=NOW + 5 * DAY)
        assert danger
        yield standstill_alerts.held("billing", "production", danger, not_after=NOW + 5 * DAY, now=NOW)
    yield standstill_alerts.first_start(start, NOW + DAY, [])


def _of_certificates() -> Iterator[NewAlert]:
    thresholds = [30 * DAY, 7 * DAY]
    for credential in (None, "billing"):
        seen = ObservedCertificate(
            org="production",
            app="Billing",
            fingerprint="a" * 64,
            not_after=NOW + 5 * DAY,
            credential=credential,
            key_bits=1024,
        )
        for before in (None, 30 * DAY) if credential else (None,):
            life = CertificateLife(seen=seen, now=NOW, expiry=Expiry(NOW + 5 * DAY, thresholds, before))
            yield expires(life, 7 * DAY)
        weak = weakness_of(life, 825 * DAY)
        assert weak
        yield weak
