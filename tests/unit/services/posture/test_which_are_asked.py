"""An audit asks the orgs that it is to, of the apps that are meant, and heeds what people have chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.posture.judgements import Verdict
from rotator.history.journal.journal import Journal
from rotator.services.posture.auditing import audit
from rotator.simulator.org.schema.external_client_app import OAUTH_SETTINGS
from tests.tiers import longer
from tests.unit.revoked import revoke
from tests.unit.services.posture.sound_org import BILLING, SoundOrg, one

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.history.engine.database import Database

STAGING: Final = """  staging:
    login_url: https://staging.my.salesforce.example
    login: {client_id: key, username: robot@rotator.example.staging, private_key: {env: ROTATOR_KEY}}
"""
TEST: Final = "\n  test: {org: staging, store: team-vault, username: test@rotator.example.staging, apps: [Test]}\n"


@pytest.fixture
def sound(database: Database, tmp_path: Path) -> SoundOrg:
    return SoundOrg(database, tmp_path)


@longer
def test_of_some_orgs_no_other_is_asked_and_nothing_of_another_is_told(
    sound: SoundOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound.say("stores:\n", f"{STAGING}stores:\n")
    sound.text += TEST
    for name in ("billing", "test"):
        revoke(Journal(sound.database), sound.time, name)
    asked: list[str] = []
    metadata = sound.metadata

    def noted(org: str) -> object:
        asked.append(org)
        return metadata(org)

    monkeypatch.setattr(sound, "metadata", noted)
    found = audit(sound, orgs=["production"])
    assert set(asked) == {"production"}
    assert {each.org for each in found.results} == {"production"}
    assert found.revoked == ("billing",)
    assert {each.org for each in audit(sound, orgs=["staging"]).results} == {"staging"}


def test_what_people_have_chosen_is_no_finding_nor_is_what_they_except_for_a_while(sound: SoundOrg) -> None:
    sound.policies("Billing_A")["refreshTokenPolicyType"] = "Infinite"
    sound.org.external_app("Billing_A").part(OAUTH_SETTINGS.name)["commaSeparatedOauthScopes"] = (
        "Api, RefreshToken, Web"
    )
    said = "{{check: app-refresh-tokens, credential: billing, reason: soon gone, until: {}}}"
    sound.text += f"\naudit: {{scopes: [Api, RefreshToken, Web], exceptions: [{said.format('2026-01-16')}]}}\n"
    found = sound.audit("billing")
    assert one(found, "app-scopes", "billing").verdict is Verdict.OK
    assert one(found, "app-refresh-tokens", "billing").verdict is Verdict.EXCEPTED
    assert found.ended == ()
    sound.say("2026-01-16", "2026-01-15")
    found = sound.audit("billing")
    assert one(found, "app-refresh-tokens", "billing").verdict is Verdict.FINDING
    assert [each.check for each in found.ended] == ["app-refresh-tokens"]


@longer
def test_of_two_apps_of_one_name_the_one_of_the_kind_that_is_said_is_meant(sound: SoundOrg) -> None:
    other = sound.add_connected_app("Billing_B", BILLING, None)
    other["oauthPolicy"]["refreshTokenPolicy"] = "infinite"
    assert one(sound.audit("billing"), "app-refresh-tokens", "billing").verdict is Verdict.HIDDEN
    sound.say("Billing_B]", "{name: Billing_B, kind: external_client_app}]")
    assert one(sound.audit("billing"), "app-refresh-tokens", "billing").verdict is Verdict.OK
    sound.say("external_client_app", "connected_app")
    assert one(sound.audit("billing"), "app-refresh-tokens", "billing").verdict is Verdict.FINDING
