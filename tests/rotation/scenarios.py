"""Every request that changes something, each with a world in which it is made."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.actor import Actor
from rotator.core.credentials import key_version
from rotator.core.decision.options import RotationOptions
from rotator.services.rotation.adopt import version_to_adopt
from rotator.services.rotation.report import Outcome, Silent
from rotator.services.rotation.requests import Request
from rotator.testing.versions import spare_key
from tests.rotation.ground import APPS, PERSONS_KEY, Ground
from tests.rotation.watching import Scenario, handle

if TYPE_CHECKING:
    from rotator.application import Application
    from rotator.services.rotation.report import Report

REPLACE: Final = Request("replace", Actor("alex@laptop"))
COMPROMISED: Final = Request("replace", Actor("alex@laptop"), trigger="compromised")
RETIRE_NOW: Final = Request("replace", Actor("alex@laptop"), options=RotationOptions(retire_now=True))
KEEP_KEY: Final = Request("replace", Actor("alex@laptop"), options=RotationOptions(keep_key=True))
BACK: Final = Request("back", Actor("alex@laptop"))
ENROLL: Final = Request("enroll", Actor("alex@laptop"), options=RotationOptions(replace_unknown=True))
ADOPT: Final = Request("adopt", Actor("alex@laptop"))
RESTORE: Final = Request("restore", Actor("alex@laptop"))
FINISH: Final = Request("", Actor("alex@laptop"))


def one_app(ground: Ground) -> None:
    """One app, whose key is stored."""
    ground.in_use("billing", "Billing")


def one_app_rotated_before(ground: Ground) -> None:
    """One app, and a previous version."""
    ground.in_use("billing", "Billing", "Billing")


def pair(ground: Ground) -> None:
    """Two apps, the second of which holds nothing yet, or what ended a key where it could not be seen."""
    ground.in_use("warehouse", "Warehouse_A")
    if "Warehouse_B" in ground.lineup.external:
        ground.take_over("Warehouse_B")


def pair_with_what_nobody_knows(ground: Ground) -> None:
    """Two apps, the second of which holds what a person put there."""
    ground.in_use("warehouse", "Warehouse_A")
    ground.put_by_hand("Warehouse_B")


def pair_rotated_before(ground: Ground) -> None:
    """Two apps, both in use; the previous version's grace has not ended."""
    ground.in_use("warehouse", "Warehouse_A", "Warehouse_B")
    ground.note_promotion("warehouse")


def pair_after_grace(ground: Ground) -> None:
    """Two apps, both in use; the grace of the previous version has ended."""
    pair_rotated_before(ground)
    ground.clock.time += timedelta(days=8)


def nothing(_ground: Ground) -> None:
    """No certificate, nothing stored."""


def by_hand(ground: Ground) -> None:
    """A person has replaced the certificate that is stored."""
    one_app(ground)
    ground.put_by_hand("Billing")


def unstored(ground: Ground) -> None:
    """A person has made the key pair of the app, and the store knows nothing of it."""
    ground.put_by_hand("Billing")


def adopt(app: Application) -> Report:
    """What the command line does to adopt a key, with its certificate where the org does not show that."""
    certificate = app.__dict__["file_of_certificate"]
    version = version_to_adopt(app.credential_context("billing"), spare_key(PERSONS_KEY), app.now(), certificate)
    return app.rotation_service("billing", listener=Silent(), stop_asked=lambda: False).adopt(ADOPT, version)


def rotated(ground: Ground, report: Report, credential: str = "billing") -> None:
    """Another version is current, live, and the only one beside the one before it."""
    stages = ground.stages(credential)
    current = ground.current(credential)
    assert report.outcome is Outcome.ROTATED, report
    assert stages.pending is None
    assert stages.current != stages.previous
    assert ground.live(current.app) == current.fingerprint
    assert ground.kept(credential) == set(stages.fingerprints)
    assert ground.history_is_closed(credential)


def replaced(ground: Ground, report: Report) -> None:
    """The version before is previous."""
    rotated(ground, report, report.credential)
    stages = ground.stages(report.credential)
    assert report.old_fingerprint == stages.previous
    assert report.new_fingerprint == stages.current


def replaced_on_the_other_app(ground: Ground, report: Report) -> None:
    """The version before is previous, and still logs in through its own app."""
    replaced(ground, report)
    assert ground.current("warehouse").app == "Warehouse_B"
    assert ground.live("Warehouse_A") == ground.stages("warehouse").previous
    assert report.gap_seconds == 0


def replaced_over_the_same_key(ground: Ground, report: Report) -> None:
    """The version before had the same key."""
    replaced(ground, report)
    store, stages = ground.store, ground.stages(report.credential)
    assert stages.previous
    previous = key_version(store.read(report.credential, stages.previous))
    assert previous.private_key == ground.current(report.credential).private_key
    assert report.gap_seconds == 0


def ended(ground: Ground, report: Report) -> None:
    """The version before is gone, and nobody logs in with it."""
    rotated(ground, report, report.credential)
    assert ground.stages(report.credential).previous is None
    assert report.old_fingerprint not in {ground.live(app) for app in APPS}


def back_again(ground: Ground, report: Report) -> None:
    """The two versions have changed places."""
    rotated(ground, report, report.credential)
    assert ground.stages(report.credential).previous is not None


def first(ground: Ground, report: Report) -> None:
    """There is a current version, and none before it."""
    rotated(ground, report)
    assert ground.stages("billing").previous is None


def adopted(ground: Ground, report: Report) -> None:
    """The key that a person made is current."""
    rotated(ground, report)
    assert ground.current("billing").private_key == spare_key(PERSONS_KEY)


def restored(ground: Ground, report: Report) -> None:
    """Current's certificate is live again."""
    assert report.outcome is Outcome.RESTORED
    assert ground.live("Billing") == ground.stages("billing").current
    assert ground.kept("billing") == set(ground.stages("billing").fingerprints)


def finished(ground: Ground, report: Report) -> None:
    """The previous version is gone from store and org."""
    assert report.outcome is Outcome.NOTHING
    stages = ground.stages("warehouse")
    assert stages.previous is None
    assert ground.live("Warehouse_B") == stages.current
    assert ground.kept("warehouse") == {stages.current}


SCENARIOS: Final = (
    Scenario("in place", "billing", one_app, handle("billing", REPLACE), replaced, worlds=7),
    Scenario(
        "in place, same key", "billing", one_app, handle("billing", KEEP_KEY), replaced_over_the_same_key, worlds=6
    ),
    Scenario("in place, compromised", "billing", one_app, handle("billing", COMPROMISED), ended, worlds=8),
    Scenario(
        "in place, back", "billing", one_app_rotated_before, handle("billing", BACK), back_again, worlds=7, made=0
    ),
    Scenario("alternating", "warehouse", pair, handle("warehouse", REPLACE), replaced_on_the_other_app, worlds=6),
    Scenario(
        "alternating, same key", "warehouse", pair, handle("warehouse", KEEP_KEY), replaced_over_the_same_key, worlds=6
    ),
    Scenario("alternating, compromised", "warehouse", pair, handle("warehouse", COMPROMISED), ended, worlds=8),
    Scenario(
        "alternating, retire now", "warehouse", pair_rotated_before, handle("warehouse", RETIRE_NOW), ended, worlds=8
    ),
    Scenario(
        "alternating, back", "warehouse", pair_rotated_before, handle("warehouse", BACK), back_again, worlds=5, made=0
    ),
    Scenario(
        "finish after grace", "warehouse", pair_after_grace, handle("warehouse", FINISH), finished, worlds=3, made=0
    ),
    Scenario("enroll", "billing", nothing, handle("billing", ENROLL), first, worlds=6),
    Scenario("adopt", "billing", unstored, adopt, adopted, worlds=5),
    Scenario("adopt what a person put there instead", "billing", by_hand, adopt, adopted, worlds=5, by_hand=True),
    Scenario("restore", "billing", by_hand, handle("billing", RESTORE), restored, worlds=3, made=0, by_hand=True),
)

REPLACE_UNKNOWN: Final = Request("replace", Actor("alex@laptop"), options=RotationOptions(replace_unknown=True))
COMPROMISED_UNKNOWN: Final = Request(
    "replace", Actor("alex@laptop"), trigger="compromised", options=RotationOptions(replace_unknown=True)
)
OF_HIDDEN_PAIRS: Final = (
    Scenario(
        "alternating, to an app that nobody knows",
        "warehouse",
        pair_with_what_nobody_knows,
        handle("warehouse", REPLACE_UNKNOWN),
        replaced_on_the_other_app,
        worlds=6,
    ),
    Scenario(
        "alternating to an app that nobody knows, compromised",
        "warehouse",
        pair_with_what_nobody_knows,
        handle("warehouse", COMPROMISED_UNKNOWN),
        ended,
        worlds=8,
    ),
)
"""Where it is not shown that the standby holds nothing, a person says that it may be overwritten."""

OF_HIDDEN_APPS: Final = (*(each for each in SCENARIOS if each.prepare is not pair), *OF_HIDDEN_PAIRS)
"""What can be asked for where no certificate is shown."""
