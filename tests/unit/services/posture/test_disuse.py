"""Whether a credential is in use is told by the logins of others, not by those that rotator makes to prove a key."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.posture.judgements import Verdict
from rotator.core.usage.sources import Source
from rotator.core.usage.usage import Usage
from rotator.history.usage.recorded_logins import Login, RecordedLogins
from rotator.history.usage.usages import Usages
from tests.unit.services.posture.sound_org import BILLING, SoundOrg

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.core.posture.assessment import Result
    from rotator.history.engine.database import Database

DAY = timedelta(days=1)


@pytest.fixture
def sound(database: Database, tmp_path: Path) -> SoundOrg:
    made = SoundOrg(database, tmp_path)
    made.time += 100 * DAY
    return made


def unused(sound: SoundOrg) -> Result:
    [result] = [each for each in sound.audit("billing").results if each.check.name == "unused"]
    return result


def test_what_was_last_used_long_ago_is_found(sound: SoundOrg) -> None:
    assert unused(sound).seen == "It was not used in the last 90 days, as far as the org tells."
    sound.org.start_session(sound.org.users[BILLING], sound.org.external_app("Billing_A"))
    sound.time += 91 * DAY
    assert unused(sound).seen.endswith("and not in the last 90 days, as far as the org tells.")


def test_a_token_that_is_used_is_use(sound: SoundOrg) -> None:
    sound.org.start_session(sound.org.users[BILLING], sound.org.external_app("Billing_A"))
    assert unused(sound).verdict is Verdict.OK


def _log_in_to_prove(sound: SoundOrg) -> None:
    login = Login("production", BILLING, "key", "Billing_A")
    number = RecordedLogins(sound.database).begins(login, sound.time)
    RecordedLogins(sound.database).ended(number, is_accepted=True)
    sound.org.record_login("Billing_A", BILLING, "Success")


def test_a_login_of_our_own_is_none(sound: SoundOrg) -> None:
    _log_in_to_prove(sound)
    result = unused(sound)
    assert result.verdict is Verdict.HIDDEN
    assert result.needs.startswith("a login that is not rotator's own: the last one, on ")


def test_a_consumer_that_logs_in_after_it_is(sound: SoundOrg) -> None:
    _log_in_to_prove(sound)
    sound.time += timedelta(hours=1)
    sound.org.record_login("Billing_A", BILLING, "Success")
    assert unused(sound).verdict is Verdict.OK


def test_a_consumer_that_the_service_saw_before_it_is(sound: SoundOrg) -> None:
    _log_in_to_prove(sound)
    seen = (Source("192.0.2.7", "billing/4.1", before_at=sound.time - DAY),)
    Usages(sound.database).put(Usage(credential="billing", promoted_at=sound.time, sources=seen))
    result = unused(sound)
    assert (result.verdict, result.seen) == (Verdict.OK, f"It was last used on {sound.time - DAY:%Y-%m-%d}.")
