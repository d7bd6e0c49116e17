"""What people are told of what was revoked, of what undid that, and of what an audit finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from rotator.core.lifecycle.revocation import EVERY_STEP, Revocation
from rotator.core.posture.checks import CHECKS, Risk
from rotator.core.posture.judgements import Verdict
from rotator.core.posture.kept_finding import KeptFinding
from rotator.core.severity import Severity
from rotator.services.alerting.posture_alerts import finding
from rotator.services.alerting.revocation_alerts import revoked, undone
from tests.unit.services.alerting.every_kind import NOW

CERTIFICATE, ACCESS, TOKENS = EVERY_STEP
WHOLE: Final = Revocation(since=NOW, by="ana@crm", reason="stolen", wanted=EVERY_STEP, done=EVERY_STEP)
HALF: Final = replace(WHOLE, done=(CERTIFICATE, TOKENS))
SO: Final = "ana@crm revoked it on 2026-11-23 12:00 UTC: stolen."
ENDS: Final = "`rotator revoke billing --only access --reason TEXT`"


@pytest.mark.parametrize("is_coming_back", [True, False])
def test_what_was_revoked_is_told_with_how_it_comes_back(is_coming_back: bool) -> None:
    new = revoked("billing", "production", WHOLE, is_coming_back=is_coming_back)
    assert (new.title, new.text) == ("billing in production was revoked", SO)
    assert new.meanwhile == "Its consumers are refused on purpose, and nothing of it is rotated."
    assert new.to_do == "Nothing, until it is wanted back: `rotator revoke --undo billing`."
    again = revoked("billing", "production", replace(WHOLE, accepted_at=NOW))
    assert again.meanwhile.startswith("Its consumers may log in again, which another alert tells;")


def test_what_was_interrupted_is_told_with_how_it_goes_on() -> None:
    new = revoked("billing", "production", HALF)
    assert new.title == "The revocation of billing in production was interrupted"
    assert new.text == f"{SO} Whether its user's access ended is not known."
    assert new.to_do == f"{ENDS} goes on from what is there."
    back = revoked("billing", "production", HALF, is_coming_back=True)
    assert back.title == "billing in production is revoked, and half way back"
    assert back.text.endswith("meanwhile its user's access may be as before.")
    assert back.to_do == f"`rotator revoke --undo billing` goes on with it as well; {ENDS} ends that again."


def test_who_gave_an_app_another_certificate_is_asked_about_that() -> None:
    new = undone("billing", "production", "Billing", "ab" * 32, WHOLE)
    assert new.title == "Somebody changed an app in production: billing is revoked, and may log in again"
    assert new.text == "An app of it holds another certificate than the one that ended its key (Billing)."
    assert new.to_do == (
        "Ask who changed the app. `rotator revoke billing --only certificate --reason TEXT` ends that, too."
    )
    assert (new.app, new.fingerprint) == ("Billing", "ab" * 32)
    secret = undone("billing", "production", "Billing", "ab" * 32, WHOLE, has_secret=True)
    assert secret.text.startswith("Its app uses another consumer key and secret")


def test_who_let_the_user_in_again_is_asked_about_that() -> None:
    seen = replace(WHOLE, let_in_by="the profile Integration, for Billing")
    new = undone("billing", "production", "Billing", "", seen)
    assert new.title == "billing in production is revoked, and may log in again"
    assert new.text == "Its user is let in again, by the profile Integration, for Billing."
    assert new.to_do == "Ask who changed the access. `rotator revoke billing --reason TEXT` ends that, too."


@pytest.mark.parametrize(("credential", "where"), [("billing", "billing in production"), (None, "the org production")])
def test_what_an_audit_finds_is_told_with_why_it_matters_and_how_it_is_mended(
    credential: str | None, where: str
) -> None:
    check = next(each for each in CHECKS if each.name == "key-age")
    found = KeptFinding(
        org="production",
        credential=credential,
        check=check.name,
        risk=Risk.HIGH,
        verdict=Verdict.FINDING,
        seen="It is old.",
        needs="",
        reason="",
        until=None,
        since=NOW,
        last_seen=NOW,
    )
    new = finding(found)
    assert (new.title, new.severity) == (f"The audit of {where} finds key-age", Severity.WARNING)
    assert (new.org, new.credential) == ("production", credential)
    assert new.text == f"It is old. {check.why}"
    assert new.to_do.startswith(f"{check.remedy_for(credential)} If it is to be so, except it")
    shown = {name: new.facts[name] for name in ("Check", "Severity", "Source")}
    assert shown == {"Check": "key-age", "Severity": str(Risk.HIGH), "Source": check.source}
    unknown = finding(replace(found, check="of-a-later-release"))
    assert unknown.text == "It is old."
    assert unknown.to_do.startswith("If it is to be so, except it")
    assert "Source" not in unknown.facts
