"""The exported folder: all that a stranger needs to work against the simulated orgs."""

from __future__ import annotations

import json
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rotator.config.loading import load
from rotator.core.crypto.certificates import PrivateKey
from rotator.errors import ConfigurationError
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.serving.export import Export
from rotator.simulator.serving.hosting import hosted
from rotator.simulator.serving.scenario import MANAGED, two_orgs
from tests.unit.simulator.helpers import seeded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.simulator.org.org import Org
    from tests.unit.simulator.helpers import KeyPair, StandingClock


@pytest.fixture
def orgs(clock: StandingClock, key_pairs: tuple[KeyPair, ...]) -> Sequence[Org]:
    keys = cycle(key for key, _ in key_pairs)
    orgs = two_orgs(clock=clock, random=seeded(), new_key=lambda: next(keys))
    for number, org in enumerate(orgs):
        org.url = f"https://127.0.0.1:{8443 + number}"
    return orgs


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return Export(tmp_path / "export")


def write(export: Export, orgs: Sequence[Org]) -> None:
    export.prepare()
    export.state.touch()
    export.write(orgs, "the authority's certificate", 3.5)


def test_the_configuration_is_read_as_it_is(export: Export, orgs: Sequence[Org]) -> None:
    write(export, orgs)
    settings = load(export.config)
    assert set(settings.orgs) == {"production", "sandbox"}
    assert {name: credential.apps for name, credential in settings.credentials.items()} == {
        managed.name: managed.apps for managed in MANAGED
    }
    hold = settings.credentials["billing"].verification.hold
    assert hold.total_seconds() >= 3.5


@pytest.mark.parametrize("propagation_seconds", [899.0, 900.0, 3600.0])
def test_the_configuration_is_right_however_long_a_change_takes(
    export: Export, orgs: Sequence[Org], propagation_seconds: float
) -> None:
    export.prepare()
    export.write(orgs, "the authority's certificate", propagation_seconds)
    verification = load(export.config).rotation.verification
    assert verification.timeout > verification.hold


def test_keys_are_for_their_owner_alone_and_match_the_live_certificates(export: Export, orgs: Sequence[Org]) -> None:
    write(export, orgs)
    assert (export.folder / "keys").stat().st_mode & 0o777 == 0o700
    for org in orgs:
        for app in org.apps.values():
            name = "management" if app is org.management else app.name
            file = export.folder / "keys" / f"{org.name}-{name}.pem"
            assert file.exists() == (app.private_key is not None)
            if app.live_certificate:
                assert file.stat().st_mode & 0o777 == 0o600
                assert PrivateKey.from_pem(file.read_bytes()).matches(app.live_certificate)


def test_the_index_names_every_login_with_absolute_paths_or_null(export: Export, orgs: Sequence[Org]) -> None:
    write(export, orgs)
    index = json.loads((export.folder / "simulator.json").read_text())
    assert set(index) == {"orgs"}
    production = index["orgs"][0]
    assert set(production) == {"name", "url", "hosts", "ca", "management", "apps"}
    assert set(production["management"]) == {"client_id", "username", "private_key", "password"}
    assert Path(production["management"]["private_key"]).is_file()
    apps = {app["name"]: app for app in production["apps"]}
    assert set(apps["Billing"]) == {"name", "type", "client_id", "username", "private_key"}
    assert apps["Billing"]["type"] == "ConnectedApp"
    assert apps["Shipping"]["type"] == "ExternalClientApplication"
    assert apps["Onboarding"]["private_key"] is None


def test_a_folder_with_anything_else_in_it_is_refused(export: Export) -> None:
    export.folder.mkdir()
    (export.folder / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigurationError, match="is not empty"):
        export.prepare()
    assert [file.name for file in export.folder.iterdir()] == ["thesis.txt"]


def test_an_earlier_export_without_the_state_it_was_made_with_is_refused(
    export: Export, orgs: Sequence[Org], tmp_path: Path
) -> None:
    write(export, orgs)
    with pytest.raises(ConfigurationError):
        Export(export.folder, tmp_path / "other-state.json").prepare()
    (tmp_path / "other-state.json").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.yaml").touch()
    with pytest.raises(ConfigurationError):
        Export(tmp_path / "other", tmp_path / "other-state.json").prepare()


def test_a_configuration_that_a_person_changed_stays_while_its_addresses_are_right(
    export: Export, orgs: Sequence[Org]
) -> None:
    write(export, orgs)
    changed = export.config.read_text() + "# mine\n"
    export.config.write_text(changed)
    export.write(orgs, "", 0)
    assert export.config.read_text() == changed
    orgs[0].url = "https://127.0.0.1:9443"
    export.write(orgs, "", 0)
    assert "9443" in export.config.read_text()


def test_a_file_in_the_place_of_the_folder_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be used"):
        Export(tmp_path / "file").prepare()


def test_hosting_goes_on_where_it_stopped(export: Export) -> None:
    with hosted(OrgSettings(), port=0, export=export) as first:
        keys = {app.client_id for org in first.orgs for app in org.apps.values()}
        authority = first.ca_pem
    with hosted(OrgSettings(), port=0, export=export) as second:
        assert {app.client_id for org in second.orgs for app in org.apps.values()} == keys
        assert second.ca_pem == authority
        assert load(export.config).orgs["production"].login_url == second.org("production").url
