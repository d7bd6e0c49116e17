"""Of a credential that was revoked the audit asks nothing that would bring it back, and nothing that was done."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from rotator.cli.output.audit_table import as_json, print_audit
from rotator.core.lifecycle.revocation import EVERY_STEP
from rotator.core.posture.judgements import Verdict
from rotator.errors import HistoryUnavailable
from rotator.history.journal.journal import Journal
from rotator.testing.versions import spare_key
from tests.tiers import longer
from tests.unit.revoked import revoke
from tests.unit.services.posture.sound_org import BILLING, SoundOrg, of_profile, one, told

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.history.engine.database import Database

pytestmark = longer

CERTIFICATE, ACCESS, TOKENS = EVERY_STEP
YEAR: Final = timedelta(days=365)


@pytest.fixture
def sound(database: Database, tmp_path: Path) -> SoundOrg:
    return SoundOrg(database, tmp_path)


def wronged(sound: SoundOrg) -> None:
    """Everything that can be wrong with billing is."""
    sound.files.current["billing"] = sound.vault.current["billing"]
    sound.say("apps: [Billing_A, Billing_B]", "apps: [Billing_A], audience: https://login.salesforce.com")
    of_profile(sound, "ModifyAllData", "DataExport", "TwoFactorApi", licence="Salesforce")
    sound.policies("Billing_A").update({"permittedUsersPolicyType": "AllSelfAuthorized"})
    sound.org.logins.clear()
    sound.time += YEAR + timedelta(days=26)


def asked(sound: SoundOrg) -> set[str]:
    return {each.check.name for each in sound.audit("billing").results}


def test_nothing_is_asked_that_a_rotation_or_another_revocation_would_mend(sound: SoundOrg) -> None:
    wronged(sound)
    before = {check for check, _ in told(sound.audit("billing"), Verdict.FINDING)}
    assert {"key-age", "unused", "second-app", "key-copies", "user-administrator", "app-open"} <= before
    revoke(Journal(sound.database), sound.time)
    assert asked(sound) == {"key-shared"}
    assert told(sound.audit("billing"), Verdict.FINDING) == []


def test_after_its_tokens_alone_all_is_asked_as_before(sound: SoundOrg) -> None:
    wronged(sound)
    before = asked(sound)
    revoke(Journal(sound.database), sound.time, steps=[TOKENS])
    assert asked(sound) == before
    assert one(sound.audit(), "key-age", "billing").verdict is Verdict.FINDING


def test_where_its_key_is_live_it_is_asked_who_else_may_log_in_with_that(sound: SoundOrg) -> None:
    sound.policies("Billing_A").update({"permittedUsersPolicyType": "AllSelfAuthorized"})
    revoke(Journal(sound.database), sound.time, steps=[ACCESS])
    assert asked(sound) == {"key-shared", "app-open", "app-refresh-tokens", "app-addresses", "app-scopes"}
    assert told(sound.audit("billing"), Verdict.FINDING) == [("app-open", "billing")]


def test_its_key_on_an_app_that_nobody_manages_is_still_told(sound: SoundOrg) -> None:
    sound.add_app("Legacy", BILLING, sound.certificate(spare_key(2)))
    revoke(Journal(sound.database), sound.time)
    found = one(sound.audit(), "key-shared", "billing")
    assert (found.verdict, found.seen) == (Verdict.FINDING, "It is also that of the app Legacy.")


def test_another_that_has_its_key_is_to_be_rotated_and_it_is_not(sound: SoundOrg) -> None:
    sound.keep("billing", "Billing_A", BILLING, spare_key(0), sound.certificate(spare_key(0)))
    revoke(Journal(sound.database), sound.time)
    found = sound.audit()
    assert one(found, "key-shared", "management").seen == (
        "It is also that of the credential billing, which was revoked."
    )
    assert one(found, "key-shared", "billing").verdict is Verdict.OK
    assert "each that has the key of a revoked one" in one(found, "key-shared", "management").check.remedy


def test_a_user_is_not_shared_with_one_that_is_revoked(sound: SoundOrg) -> None:
    sound.say("username: shipping@rotator.example", f"username: {BILLING}")
    assert one(sound.audit(), "user-shared", "shipping").verdict is Verdict.FINDING
    revoke(Journal(sound.database), sound.time)
    assert one(sound.audit(), "user-shared", "shipping").verdict is Verdict.OK


def test_without_the_history_nobody_knows_whether_it_was_revoked(
    sound: SoundOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    wronged(sound)

    class Away:
        def reading(self) -> None:
            raise HistoryUnavailable("The history is away.", hint="Wait.")

    monkeypatch.setattr(sound, "database", Away())
    found = sound.audit("billing")
    assert told(found, Verdict.FINDING) == []
    assert one(found, "key-age", "billing").needs == "the history, which says what was revoked"
    assert one(found, "key-size", "billing").verdict is Verdict.OK


def test_people_and_programs_are_told_of_which_little_is_asked(
    sound: SoundOrg, capsys: pytest.CaptureFixture[str]
) -> None:
    revoke(Journal(sound.database), sound.time)
    assert as_json(sound.audit())["revoked"] == ["billing"]
    assert as_json(sound.audit("shipping"))["revoked"] == []
    print_audit(sound.audit("billing"), every=False)
    assert "billing: revoked, so that no more is asked than what lets others in all the same." in " ".join(
        capsys.readouterr().out.split()
    )
