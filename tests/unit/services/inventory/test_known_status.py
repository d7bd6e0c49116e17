"""How a credential stands follows from how it was seen and from all that the history knows of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.core.attempts import AttemptRecord
from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import HaltReason
from rotator.core.lifecycle.revocation import EVERY_STEP, Revocation, RevocationStep
from rotator.core.lifecycle.states import CredentialState, Halt
from rotator.core.observed import Kind, ObservedApp, ObservedCertificate
from rotator.core.schedule import Standstill, Why
from rotator.core.usage.retirement import NOT_CONFIRMED, Confirmation
from rotator.errors import Holder
from rotator.history.attempt_records import AttemptRecords
from rotator.history.last_observations import LastObservation, LastObservations
from rotator.services.inventory.credential_history import CredentialHistory
from rotator.services.inventory.status import (
    CredentialStatus,
    known_state,
    last_known_status,
    last_known_statuses,
    status_of,
)
from tests.unit.services.usage.promoted import (
    DAY,
    HOUR,
    LEFT_BEHIND,
    MOVED,
    NOTHING_TRIED,
    NOW,
    PROMOTED,
    ROTATION,
    configured,
    reported,
    seen,
    used,
    version,
)

if TYPE_CHECKING:
    from rotator.core.observed import ObservedCredential
    from rotator.history.engine.database import Database

OPEN: Final = replace(ROTATION, outcome=None, replaces="old")
GOOD: Final = AttemptRecord("look", "production").succeeded(NOW)
HALTED: Final = replace(
    NOTHING_TRIED, halted_at=PROMOTED, halt=HaltReason.LOST, halted_why="It is lost.", halted_hint="Find it."
)
CONFIRMED: Final = ", consumers: [web]"


def of(
    observed: ObservedCredential | None = None,
    options: str = "",
    name: str = "billing",
    apps: tuple[ObservedCertificate, ...] = (),
    **history: Any,
) -> CredentialStatus:
    return status_of(configured(options), name, CredentialHistory(**history), observed or seen(), NOW, apps=apps)


def test_who_rotates_it_and_what_is_open_is_known() -> None:
    holder = Holder(811, "crm-1", PROMOTED)
    assert of(running=holder).life.running is holder
    assert (of(last_rotation=ROTATION).life.rotation, of().life.is_known) == (None, True)
    rotation = of(last_rotation=OPEN).life.rotation
    assert rotation
    assert not rotation.is_urgent
    urgent = of(last_rotation=replace(OPEN, trigger="compromised")).life.rotation
    assert urgent
    assert urgent.is_urgent


def test_the_attempts_at_it_and_what_holds_them_up_are_known() -> None:
    attempt = replace(AttemptRecord("rotate", "billing"), needs_attention=True)
    pause = Standstill(why=Why.PAUSE, since=PROMOTED, scope="credential billing", by="alex")
    status = of(attempt=attempt, noted=(pause,))
    assert (status.life.attempt, status.life.needs_attention) == (attempt, True)
    assert status.life.schedule.in_force(NOW) == (pause,)


def test_who_sees_to_it_is_named() -> None:
    assert of().owner is None
    assert of(options=", owner: Billing team").owner == "Billing team"
    orgs = {name: org.model_copy(update={"owner": "CRM team"}) for name, org in configured().orgs.items()}
    settings = configured().model_copy(update={"orgs": orgs})
    assert status_of(settings, "billing", CredentialHistory(), seen(), NOW).owner == "CRM team"


class TestHalts:
    """A halt stands until nothing is half done, where what it says is seen anew."""

    @pytest.mark.parametrize(
        ("observed", "last", "stands"),
        [
            (seen(), ROTATION, False),
            (seen(), OPEN, True),
            (seen(pending=version("next")), ROTATION, True),
        ],
    )
    def test_it_stands_while_something_is_half_done(self, observed: Any, last: Any, stands: bool) -> None:
        status = of(observed, record=HALTED, last_rotation=last)
        assert status.life.halt == (Halt(PROMOTED, "It is lost.", "Find it.") if stands else None)
        assert status.life.needs_attention is stands

    def test_of_what_is_not_seen_anew_it_stands_in_any_case(self) -> None:
        assert of(record=replace(HALTED, halt="")).life.halt

    def test_after_one_that_was_taken_back_a_person_is_needed(self) -> None:
        status = of(record=replace(HALTED, halt=HaltReason.REVERTED))
        assert (status.life.halt, status.life.needs_attention) == (None, True)

    def test_how_a_rotation_without_an_end_stands_is_said(self) -> None:
        assert CredentialHistory(record=HALTED).ending_of(OPEN) == "halted"
        assert CredentialHistory().ending_of(OPEN) == "unfinished"


class TestRefusals:
    """Since when consumers are refused, unless the version that took the place has logged in."""

    REFUSED = replace(NOTHING_TRIED, refused_since=PROMOTED, is_refusal_certain=True, unproven_version="next")

    def test_they_are_refused_until_the_new_version_is_current(self) -> None:
        assert of(record=self.REFUSED).life.refused_since == PROMOTED
        assert of(seen(current=version("next")), record=self.REFUSED).life.refused_since is None

    def test_an_app_without_its_certificate_makes_it_certain(self) -> None:
        maybe = replace(self.REFUSED, is_refusal_certain=False)
        lost = seen(apps={"Billing": ObservedApp("Billing", live=Fingerprint("another"))})
        assert of(record=maybe).life.refused_since is None
        assert of(lost, record=maybe).life.refused_since == PROMOTED

    def test_it_is_the_newest_rotation_that_refuses_them(self) -> None:
        known = CredentialHistory(last_rotation=OPEN, record=self.REFUSED, last_observation=LastObservation(seen()))
        assert known.gap_open_since(OPEN) == PROMOTED
        assert known.gap_open_since(replace(OPEN, id="another")) is None
        promoted = replace(known, last_observation=LastObservation(seen(current=version("next"))))
        assert promoted.gap_open_since(OPEN) is None


@pytest.mark.parametrize(("steps", "is_revoked"), [(EVERY_STEP, True), ((RevocationStep.TOKENS,), False)])
def test_it_is_revoked_where_its_logins_were_ended(steps: tuple[RevocationStep, ...], is_revoked: bool) -> None:
    revoked = Revocation(since=PROMOTED, by="alex", reason="stolen", wanted=steps)
    record = replace(NOTHING_TRIED, revocation=revoked.as_text())
    assert (of(record=record).life.revoked is not None) is is_revoked


@pytest.mark.parametrize(
    ("history", "stored_at"),
    [
        ({}, None),
        ({"last_promotion": PROMOTED}, PROMOTED),
        ({"record": replace(NOTHING_TRIED, tried_at=NOW), "last_promotion": PROMOTED}, NOW),
        ({"last_rotation": replace(ROTATION, replaces="old")}, PROMOTED),
        ({"last_rotation": ROTATION}, None),
    ],
)
def test_that_it_was_stored_once_is_known_by_whatever_shows_it(history: dict[str, Any], stored_at: Any) -> None:
    assert of(**history).life.stored_at == stored_at


class TestConfirmed:
    """When its consumers have said that they moved, and whether somebody was seen who has not."""

    def confirmation(self, name: str = "billing", **history: Any) -> Confirmation:
        known = {"reports": (reported("web"),)} | history
        observed = of(options=CONFIRMED, name=name, **known).life.seen
        assert observed
        return observed.confirmation

    def test_they_have_once_each_has_said_so_and_a_look_saw_nobody_else(self) -> None:
        assert self.confirmation(reports=()) == NOT_CONFIRMED
        assert self.confirmation(usage=used(MOVED)) == Confirmation(NOW, is_old_key_used=False)

    @pytest.mark.parametrize(
        "usage",
        [
            None,
            used(MOVED, looked_at=NOW - HOUR / 2),
            used(LEFT_BEHIND),
            used(MOVED, promoted_at=PROMOTED - DAY),
        ],
    )
    def test_somebody_may_use_the_old_key_still_as_far_as_was_seen(self, usage: Any) -> None:
        assert self.confirmation(usage=usage) == Confirmation(NOW, is_old_key_used=True)


def test_of_what_is_in_no_store_the_certificate_of_its_app_tells_when_it_ends() -> None:
    held = ObservedCertificate(org="production", app="Billing", type=Kind.APP, fingerprint="next", not_after=NOW + DAY)
    bare = seen(current=None, previous=None)
    assert of(bare, apps=(held,)).life.unstored_not_after == NOW + DAY
    pending = replace(bare, pending=version("next"))
    assert of(pending, apps=(held,)).life.unstored_not_after is None, "it is that of a version on its way"


class TestLastKnown:
    """What the history alone has, for pages and for what a run leaves."""

    def last_known(
        self, problem: str = "", inventory: AttemptRecord = GOOD, observed: Any = None, *, never: bool = False
    ) -> CredentialStatus:
        last = LastObservation() if never else LastObservation(observed or seen(), problem)
        apps = [
            ObservedCertificate(org="production", app=app, type=Kind.APP) for app in ("PAIR_B", "Another", "Pair_A")
        ]
        history = CredentialHistory(last_observation=last)
        return last_known_status(configured(), "pair", history, inventory, apps, NOW)

    def test_its_apps_are_shown_in_the_order_of_the_configuration(self) -> None:
        assert [each.app for each in self.last_known().apps] == ["Pair_A", "PAIR_B"]

    @pytest.mark.parametrize(
        ("how", "why"),
        [
            ({}, ""),
            ({"never": True}, "It was not observed yet."),
            ({"problem": "The store is away."}, "The store is away."),
            ({"inventory": replace(GOOD, problem="The org is away.")}, "The org is away."),
            (
                {"inventory": replace(GOOD, problem="The org is away."), "problem": "The store is away."},
                "The store is away.",
            ),
        ],
    )
    def test_why_its_state_is_not_known_is_said(self, how: dict[str, Any], why: str) -> None:
        status = self.last_known(**how)
        assert (status.why_unknown, status.life.is_known) == (why, not why)
        assert (status.life.seen is None) == ("never" in how)

    def test_it_is_read_from_the_history(self, database: Database) -> None:
        settings = configured()
        LastObservations(database).put("billing", seen(), NOW, NOW)
        AttemptRecords(database).put(replace(GOOD, problem="The org is away."))
        for kind in ("audit", "rotate"):
            AttemptRecords(database).put(AttemptRecord(kind, "production").succeeded(NOW))
        assert known_state(settings, database, "billing", NOW) is CredentialState.OK
        [status] = last_known_statuses(settings, database, ["billing"], NOW)
        assert (status.state, status.why_unknown) == (CredentialState.UNKNOWN, "The org is away.")
        assert status.stages == {"pending": None, "current": "new", "previous": "old"}
