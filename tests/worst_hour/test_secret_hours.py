"""However a rotation of a client secret ends badly, and whatever follows: nobody is refused, and what is said is so.

The org takes two pairs at once, so there is no gap: consumers of `current` log in after each call of the program. All
of it is played in one process and in no time; tests/end_to_end/test_client_secret.py has real ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from rotator.history.alerts.alerts import AlertRecords
from rotator.services.alerting import kinds
from rotator.services.inventory.remarks import remark_on
from tests.rotation.revoking import revoke_in
from tests.rotation.secret_ground import APP, NAME, SecretGround, secret_ground_in
from tests.tiers import rows_standard_first, thorough
from tests.worst_hour.hours import Following
from tests.worst_hour.secret_endings import SECRET_ENDINGS, NewPairRefused, SecretEnding
from tests.worst_hour.secret_hours import SecretHour
from tests.worst_hour.truths import wrong_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Followings = Sequence[Following]

IN_TURN: Final[tuple[Followings, ...]] = (
    (Following.CRASH, Following.FORWARD, Following.AGAIN),
    (Following.AGAIN, Following.CRASH, Following.BACK),
)
"""As after the rotations of key pairs."""
ALONE: Final[tuple[Followings, ...]] = tuple((each,) for each in Following)
STANDARD: Final = [(ending, IN_TURN[number % 2]) for number, ending in enumerate(SECRET_ENDINGS[:1])]
ROWS: Final = [(ending, these) for ending in SECRET_ENDINGS for these in (*IN_TURN, *ALONE)]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[SecretGround]:
    with secret_ground_in(tmp_path_factory.mktemp("hours"), migrated_file) as made:
        yield made


def named(value: object) -> str:
    if isinstance(value, type) and issubclass(value, SecretEnding):
        return value.name
    assert isinstance(value, Sequence)
    return ", ".join(each.value for each in value)


@pytest.mark.parametrize(("ending", "followings"), rows_standard_first(ROWS, STANDARD), ids=named)
def test_no_consumer_is_refused_and_every_surface_says_what_is_so(
    ground: SecretGround, ending: type[SecretEnding], followings: Followings
) -> None:
    hour = SecretHour(ground, ending())
    wrong: list[str] = []
    for answers in hour.leads(followings):
        wrong += wrong_with(answers, ending.says)
    assert hour.ending.has_begun
    assert hour.logins > hour.processes
    assert [*wrong, *hour.wrong_at_the_end()] == []


@thorough
def test_one_that_was_revoked_is_that_on_every_surface_until_it_comes_back(ground: SecretGround) -> None:
    hour = SecretHour(ground, NewPairRefused())
    ground.handle("replace")
    with ground.program() as app:
        assert revoke_in(app, NAME).is_whole
        [place] = [each for each in app.scan(app.now())[0].certificates if each.seen.credential]
        assert place.urgency is None
    revoked = hour.asked("its revocation")
    assert set(revoked.states.values()) == {"revoked"}
    assert {alert.kind for alert in revoked.alerts} == {kinds.REVOKED}
    assert revoked.refused_since == {"json": None, "metrics": None}
    with ground.program() as app:
        app.client_secrets("production").stage(APP)
    ground.consumer.rotate(ground.clock.now())
    changed = hour.asked("a change by hand")
    assert set(changed.states.values()) == {"drift"}
    [drift] = [alert for alert in changed.alerts if alert.kind == kinds.DRIFT]
    told = f"{drift.title} {drift.text} {drift.to_do} {remark_on(hour.status(), hour.now)}"
    assert "another consumer key and secret" in told
    assert "certificate" not in told.replace("--only certificate", ""), "but for the name of the step"
    with ground.program() as app:
        assert revoke_in(app, NAME).is_whole
    ground.handle("replace")
    back = hour.asked("its return")
    assert set(back.states.values()) == {"ok"}
    assert back.alerts == ()


def test_its_age_is_nobodys_business_once_it_is_revoked(ground: SecretGround) -> None:
    hour = SecretHour(ground, NewPairRefused())
    ground.clock.time += timedelta(days=85)
    [age] = [alert for alert in hour.asked("its age").alerts if alert.kind == kinds.EXPIRY]
    with ground.program() as app:
        assert revoke_in(app, NAME).is_whole
    assert {alert.kind for alert in hour.asked("its revocation").alerts} == {kinds.REVOKED}
    assert AlertRecords(hour.database).get(age.id).closed_why == "Shipping uses another consumer key and secret."
