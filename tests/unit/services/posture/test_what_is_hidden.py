"""What cannot be seen, for a missing permission or as something is away, neither passes nor fails."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.posture.judgements import Verdict
from rotator.errors import HistoryUnavailable, OrgUnavailable, StoreError
from rotator.simulator.org.users import Profile
from rotator.simulator.wire.faults import Effect, Fault, Kind
from rotator.testing.versions import spare_key
from tests.unit.services.posture.sound_org import BILLING, SoundOrg, of_profile, one, unused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rotator.history.engine.database import Database


@pytest.fixture
def sound(database: Database, tmp_path: Path) -> SoundOrg:
    return SoundOrg(database, tmp_path)


HIDING: Final[dict[str, tuple[Callable[[SoundOrg], object], str, set[str]]]] = {
    "no login history": (
        lambda s: _own_user_without(s, "MonitorLoginHistory"),
        '"Monitor Login History" or "Manage Users"',
        {"user-person", "unused"},
    ),
    "no tokens": (
        lambda s: _own_user_without(s, "CustomizeApplication"),
        '"Customize Application"',
        {"user-shared", "unused"},
    ),
    "no permission sets": (
        lambda s: _hide(s, "PermissionSetAssignment"),
        '"View Setup and Configuration"',
        {"user-person", "user-api-only", "user-administrator", "user-permissions", "user-mfa", "user-shared", "unused"},
    ),
    "no users": (
        lambda s: _hide(s, "User"),
        '"View Setup and Configuration"',
        {
            *("user-person", "user-api-only", "user-administrator", "user-permissions", "user-mfa", "user-licence"),
            *("user-shared", "unused"),
        },
    ),
    "no licences": (lambda s: _hide(s, "UserLicense"), '"View Setup and Configuration"', {"user-licence"}),
    "no policies of external client apps": (
        lambda s: _hide(s, "ExtlClntAppOauthConfigurablePolicies"),
        "view their settings, and edit their policies",
        {"app-sessions", "app-open", "app-refresh-tokens", "app-addresses"},
    ),
    "no session settings": (
        lambda s: _hide(s, "ProfileSessionSetting"),
        "the session settings of profiles",
        {"user-mfa"},
    ),
    "no scopes of external client apps": (
        lambda s: _hide(s, "ExtlClntAppOauthSettings"),
        "view their settings, and edit their policies",
        {"app-scopes"},
    ),
}


def _own_user_without(sound: SoundOrg, permission: str) -> None:
    profile = sound.org.profiles["Rotator"]
    sound.org.profiles["Rotator"] = Profile(profile.permissions - {permission}, profile.licence)


def _hide(sound: SoundOrg, name: str) -> None:
    sound.org.settings = replace(sound.org.settings, hidden_types=(name,))


@pytest.mark.parametrize("case", HIDING)
def test_what_a_missing_permission_hides_neither_passes_nor_fails(sound: SoundOrg, case: str) -> None:
    change, needs, checks = HIDING[case]
    change(sound)
    if case == "no licences":
        of_profile(sound, licence="Salesforce")
    if case in {"no login history", "no tokens"}:
        # Either shows that it was used.
        unused(sound)
    found = sound.audit("billing")
    hidden = [each for each in found.results if each.verdict is Verdict.HIDDEN]
    assert {each.check.name for each in hidden} == checks
    assert all(needs in each.needs for each in hidden), [each.needs for each in hidden]
    assert not any(each.needs.endswith(".") for each in hidden)
    assert found.problems == ()


def test_an_org_that_is_away_hides_what_it_would_show_and_costs_nothing_else(sound: SoundOrg) -> None:
    sound.org.faults.add(Fault(Kind.TOKEN, Effect.FAIL, times=None))
    found = sound.audit()
    assert [type(problem) for problem in found.problems] == [OrgUnavailable]
    assert one(found, "app-open", "billing").needs == "the org production, which cannot be read"
    assert one(found, "key-size", "billing").verdict is Verdict.OK
    assert one(found, "second-app", "billing").verdict is Verdict.OK


def test_a_store_that_cannot_be_read_hides_its_keys(sound: SoundOrg) -> None:
    sound.files.refuses = StoreError("The folder is gone.", hint="Mount it.")
    found = sound.audit("billing")
    assert one(found, "key-copies", "billing").needs == "what the store old-files has, which cannot be read"
    assert one(found, "key-size", "billing").verdict is Verdict.OK
    assert {str(problem) for problem in found.problems} == {"The folder is gone. Mount it."}


def test_where_no_external_client_app_shows_its_certificate_none_is_known_to_have_the_same_key(sound: SoundOrg) -> None:
    sound.add_app("Legacy", BILLING, sound.certificate(spare_key(5)))
    sound.org.settings = replace(sound.org.settings, external_certificate_returned="never")
    assert one(sound.audit(), "key-shared", "billing").needs == "the org to show the certificate of Legacy"


def test_of_one_credential_the_orgs_that_are_not_asked_are_not_known_to_hold_its_key(sound: SoundOrg) -> None:
    assert one(sound.audit("billing"), "key-shared", "billing").verdict is Verdict.OK
    login = "{client_id: key, username: robot@rotator.example.staging, private_key: {env: ROTATOR_KEY}}"
    staging = f"  staging:\n    login_url: https://staging.my.salesforce.example\n    login: {login}\n"
    sound.say("stores:\n", f"{staging}stores:\n")
    found = sound.audit("billing")
    assert one(found, "key-shared", "billing").needs == "the org staging, which was not asked this time"
    assert {each.subject for each in found.results} == {"billing"}
    assert found.problems == ()


def test_where_one_shows_it_the_others_hold_none(sound: SoundOrg) -> None:
    sound.add_app("Portal", BILLING, None)
    assert one(sound.audit(), "key-shared", "billing").verdict is Verdict.OK


class _Away:
    """A history that cannot be reached, and how often it was tried."""

    tried = 0

    def reading(self) -> None:
        self.tried += 1
        raise HistoryUnavailable("The history is away.", hint="Wait.")


def test_a_history_that_is_away_hides_what_it_would_tell_and_is_asked_once(
    sound: SoundOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = _Away()
    monkeypatch.setattr(sound, "database", away)
    found = sound.audit()
    assert one(found, "key-copies", "billing").needs == "the history, which says what was exported"
    assert one(found, "unused", "billing").verdict is Verdict.OK
    assert [str(problem) for problem in found.problems] == ["The history is away. Wait."]
    assert away.tried == 1
