"""The orgs in a file: what outlives the simulator's process."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.errors import ConfigurationError
from rotator.simulator.org.certificates import content_of
from rotator.simulator.org.external_apps import StagedCredentials
from rotator.simulator.org.org import Org
from rotator.simulator.serving.authority import CertificateAuthority
from rotator.simulator.serving.state import StateFile
from tests.unit.simulator.helpers import START, call, seeded, update_of

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.simulator.org.org import OrgKind
    from tests.unit.simulator.helpers import KeyPair, StandingClock


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority.create(START)


@pytest.fixture
def file(tmp_path: Path) -> StateFile:
    return StateFile(tmp_path / "state.json")


def new_org(name: str, kind: OrgKind, number: int) -> Org:
    return Org(name, kind, clock=lambda: START, random=seeded(), number=number)


def test_orgs_come_back_as_they_were(
    org: Org, authority: CertificateAuthority, file: StateFile, key_pairs: tuple[KeyPair, ...]
) -> None:
    org.app("Billing").approved_usernames.add("billing@acme.example")
    file.keep(authority, [org])
    org.put_certificate("Billing", key_pairs[1][1])
    same_authority, [loaded] = file.load(new_org)
    assert same_authority.pem == authority.pem
    assert (loaded.id, loaded.users) == (org.id, org.users)
    for name, app in org.apps.items():
        again = loaded.app(name)
        assert replace(again, private_key=None) == replace(app, private_key=None)
        assert again.private_key is not None
        assert again.private_key.matches(key_pairs[0][1])
    assert loaded.next_id("005") not in {user.id for user in org.users.values()}


def test_external_client_apps_come_back_with_their_keys_and_secrets(
    org: Org, authority: CertificateAuthority, file: StateFile, key_pairs: tuple[KeyPair, ...]
) -> None:
    org.add_user("human@acme.example", password="right")
    made = org.add_external_app("Shipping", certificate=key_pairs[1][1], username="human@acme.example")
    assert made.consumer is not None
    made.consumer.staged = StagedCredentials(org.next_id("888"), org.new_key_pair(), "staged", START)
    file.keep(authority, [org])
    _, [loaded] = file.load(new_org)
    assert loaded.external_app("Shipping") == made
    assert loaded.users == org.users


def test_other_certificates_come_back_too(
    org: Org, authority: CertificateAuthority, file: StateFile, key_pairs: tuple[KeyPair, ...]
) -> None:
    file.keep(authority, [org])
    org.add_certificate("Signing", START)
    org.add_certificate("Requested", None, unusable=True)
    org.add_identity_provider("Company_Login", key_pairs[0][1])
    org.delete_certificate("Signing")
    content = content_of(org, org.certificates[1])
    org.features["ConnectedAppSettings"] = {"enableSkipUserProvisioningWizardWelcomePage": "true"}
    org.on_change()
    _, [loaded] = file.load(new_org)
    assert loaded.certificates == org.certificates
    assert content_of(loaded, loaded.certificates[1]) == content
    assert loaded.features == org.features
    assert loaded.identity_providers == org.identity_providers


def test_the_file_of_a_release_that_knew_no_other_certificates_is_read(
    org: Org, authority: CertificateAuthority, file: StateFile
) -> None:
    file.keep(authority, [org])
    state = json.loads(file.path.read_text())
    del state["orgs"][0]["certificates"], state["orgs"][0]["identity_providers"]
    file.path.write_text(json.dumps(state))
    _, [loaded] = file.load(new_org)
    assert loaded.certificates == []


def test_every_write_of_the_metadata_api_is_in_the_file(
    org: Org, authority: CertificateAuthority, file: StateFile, key_pairs: tuple[KeyPair, ...]
) -> None:
    file.keep(authority, [org])
    call(org, update_of(org, "Billing", {"certificate": key_pairs[1][1].pem}))
    _, [loaded] = file.load(new_org)
    assert loaded.app("Billing").live_certificate == key_pairs[1][1]


def test_a_change_goes_on_spreading_after_a_restart(
    org: Org,
    authority: CertificateAuthority,
    file: StateFile,
    key_pairs: tuple[KeyPair, ...],
    clock: StandingClock,
) -> None:
    clock.advance(60)
    org.put_certificate("Billing", key_pairs[1][1])
    file.keep(authority, [org])
    _, [loaded] = file.load(new_org)
    settings = replace(org.settings, propagation_seconds=10)
    assert loaded.app("Billing").slot.seen(clock(), settings, seeded()) == key_pairs[0][1]


def test_the_file_is_for_its_owner_alone(org: Org, authority: CertificateAuthority, file: StateFile) -> None:
    file.keep(authority, [org])
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert list(file.path.parent.iterdir()) == [file.path]


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"format": 1}', '{"format": 99}'])
def test_a_damaged_or_later_file_is_left_as_it_is(file: StateFile, damage: str) -> None:
    file.path.write_text(damage)
    with pytest.raises(ConfigurationError, match=file.path.name):
        file.load(new_org)
    assert file.path.read_text() == damage


def test_no_key_is_quoted_when_a_file_is_damaged(org: Org, authority: CertificateAuthority, file: StateFile) -> None:
    file.keep(authority, [org])
    state = json.loads(file.path.read_text())
    state["orgs"][0]["apps"][0]["private_key"] = "-----BEGIN PRIVATE KEY-----\nMIIE"
    file.path.write_text(json.dumps(state))
    with pytest.raises(ConfigurationError) as refused:
        file.load(new_org)
    assert "MIIE" not in str(refused.value)


def test_a_place_that_cannot_be_written_is_said_in_a_sentence(
    org: Org, authority: CertificateAuthority, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        StateFile(tmp_path / "nowhere" / "state.json").keep(authority, [org])
    with pytest.raises(ConfigurationError, match="cannot be read"):
        StateFile(tmp_path).load(new_org)
