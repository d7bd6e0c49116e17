"""A gap opens when current's slot is taken for another key, and closes when a key holds again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import Action, ActionKind
from rotator.core.decision.observations import KnownVersion, Observation, SeenApp
from rotator.services.rotation.gap import Gap
from rotator.testing.versions import MOMENT

OLD, NEW = Fingerprint("old"), Fingerprint("new")
LATER = MOMENT + timedelta(seconds=40)


def seen(live: Fingerprint = OLD, key: str = "new key") -> Observation:
    """One app; a pending version over this key."""
    far = MOMENT + timedelta(days=300)
    return Observation(
        {"Billing": SeenApp("Billing", live=live), "Other": SeenApp("Other")},
        current=KnownVersion(OLD, "Billing", "old key", far),
        pending=KnownVersion(NEW, "Billing", key, far),
    )


def upload(app: str = "Billing", kind: ActionKind = ActionKind.UPLOAD) -> Action:
    return Action(kind, "", version=NEW, app=app)


def test_it_lasts_from_the_upload_until_a_key_holds() -> None:
    gap = Gap()
    assert gap.before(upload(), seen(), MOMENT)
    assert gap.is_open
    gap.close(LATER)
    gap.close(LATER + timedelta(days=1))
    assert (gap.is_open, gap.length) == (False, timedelta(seconds=40))


@pytest.mark.parametrize(
    ("action", "observed"),
    [
        (upload(app="Other"), seen()),
        (upload(), seen(key="old key")),
        (upload(), seen(live=NEW)),
        (upload(kind=ActionKind.RESTORE), seen()),
    ],
    ids=["the other app", "the same key", "the slot is lost already", "the way back"],
)
def test_what_takes_no_key_from_consumers_opens_none(action: Action, observed: Observation) -> None:
    gap = Gap()
    assert not gap.before(action, observed, MOMENT)
    gap.close(LATER)
    assert gap.length == timedelta(0)


def test_it_is_forgotten_only_while_nobody_has_seen_the_slot_taken() -> None:
    gap = Gap(begun_at=MOMENT)
    gap.confirm()
    gap.forget()
    assert gap.is_open
    unseen = Gap(begun_at=MOMENT)
    unseen.forget()
    assert not unseen.is_open


def test_a_second_upload_does_not_begin_it_anew() -> None:
    gap = Gap(begun_at=MOMENT)
    assert not gap.before(upload(), seen(), LATER)
    assert gap.begun_at == MOMENT
