"""The project for Salesforce's command line makes an app that a user with its permission set logs in through."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.core.crypto.keys import PrivateKey
from rotator.core.logins import LoginOutcome
from rotator.errors import ConfigurationError
from rotator.resources import project_files, read_page
from rotator.salesforce.login import LoginTarget, prove
from rotator.salesforce.permissions import needed_for_records, shows_records
from rotator.services.org_project import NewApp, files_of, new_client_id, write_project
from rotator.simulator.org.org import Org
from rotator.simulator.org.schema.permission_set import USER_PERMISSIONS
from rotator.testing.versions import MOMENT
from tests.near_orgs import NearTransport
from tests.unit.simulator.metadata.files import deployed, packaged

if TYPE_CHECKING:
    from pathlib import Path

ADMIN, ROBOT = "admin@acme.example", "robot@acme.example"


@pytest.fixture
def org() -> Org:
    def now() -> datetime:
        return MOMENT

    made = Org("production", clock=now, random=Random(1))
    made.url = "https://production.example"
    made.add_user(ADMIN, may_use_metadata=True)
    made.add_user(ROBOT, may_use_metadata=True, permission_sets=("Rotator",))
    made.add_app("Management", username=ADMIN)
    return made


def test_a_name_may_hold_the_words_that_stand_for_other_values() -> None:
    files = files_of(NewApp("CRM_CONTACT_SYNC", "a@acme.example", "CONSUMER_KEY_users", "k" * 64))
    [header] = [text for path, text in files.items() if path.endswith("/CRM_CONTACT_SYNC.eca-meta.xml")]
    assert "<label>CRM CONTACT SYNC</label>" in header
    assert "<contactEmail>a@acme.example</contactEmail>" in header


@pytest.mark.parametrize("name", ["Rotator", "Rotator_Client_Secrets"])
def test_who_has_the_permission_set_logs_in_through_the_app(org: Org, name: str) -> None:
    org.users[ROBOT].permission_sets = (name.replace("_", " "),)
    key = PrivateKey.generate()
    certificate = self_signed(key, SubjectName("m"), now=MOMENT, lifetime=timedelta(days=9))
    app = NewApp("Rotator_Management", "a&b@acme.example", name, new_client_id(Random(2).choice), certificate)
    assert deployed(org, packaged(files_of(app))) == ("Succeeded", [])
    assert set(org.permission_sets) == {"Rotator", "Rotator_Client_Secrets", "Rotator_Connected_Apps"}
    made = org.external_app("Rotator_Management")
    assert made.live_certificate == certificate
    assert made.header["contactEmail"] == "a&b@acme.example"
    for username, outcome in ((ROBOT, LoginOutcome.ACCEPTED), (ADMIN, LoginOutcome.CONFIGURATION)):
        target = LoginTarget(org.url, app.client_id, username, org.url)
        answer = prove(NearTransport([org]), target, key, MOMENT)
        assert answer.outcome is outcome


def test_a_permission_set_is_named_by_its_api_name_and_no_label() -> None:
    with pytest.raises(ConfigurationError, match="API name") as refused:
        files_of(NewApp("Billing_B", "a@acme.example", "Billing users", "k" * 64))
    assert "API Name" in refused.value.hint
    assert files_of(NewApp("Billing_B", "a@acme.example", "acme__Billing_users", "k" * 64))


def test_the_permissions_for_revocations_are_deployed_apart_and_the_page_names_each(org: Org) -> None:
    files = files_of(NewApp("Rotator_Management", "a@acme.example", "Rotator", "k" * 64))
    assert deployed(org, packaged(files, "revocation")) == ("Succeeded", [])
    [made] = org.permission_sets.values()
    assert (made.name, made.label) == ("Rotator_Revocation", "Rotator Revocation")
    page = read_page("salesforce-setup")
    section = page[page.index("## Revocation") :]
    table = section[section.index("| permission |") :].split("\n\n")[0].splitlines()[2:]
    told = {name.strip() for line in table for name in line.split("|")[1].split(",")}
    assert told == {label for name, (label, _) in USER_PERMISSIONS.items() if made.allows(name)}


def test_the_set_for_revocations_holds_what_a_revocation_without_it_asks_for() -> None:
    [text] = [text for path, text in project_files().items() if path.startswith("revocation/")]
    records = ("SetupEntityAccess", "PermissionSetAssignment", "AuthSession", "OauthToken", "LoginHistory")
    wanted = {shows_records(name) for name in records} | {
        needed_for_records(name, changes=True).split('"')[1] for name in records[:3]
    }
    names = etree.fromstring(text.encode()).findall("{*}userPermissions/{*}name")
    assert wanted <= {USER_PERMISSIONS[str(each.text)][0] for each in names}


def test_the_page_on_setting_up_an_org_names_every_permission_of_every_set() -> None:
    page = read_page("salesforce-setup")
    table = page[page.index("| permission set |") :].split("\n\n")[0].splitlines()[2:]
    told: dict[str, set[str]] = {}
    label = ""
    for line in table:
        named, permission = (cell.strip() for cell in line.split("|")[1:3])
        label = named or label
        told.setdefault(label, set()).add(permission)
    held: dict[str, set[str]] = {}
    for text in (
        text for path, text in project_files().items() if "/permissionsets/" in path and path.startswith("force-app/")
    ):
        read = etree.fromstring(text.encode())
        names = read.findall("{*}userPermissions/{*}name")
        held[str(read.findtext("{*}label"))] = {USER_PERMISSIONS[str(each.text)][0] for each in names}
    assert told == held


def test_an_app_without_a_certificate_has_a_place_for_one(org: Org) -> None:
    app = NewApp("Billing_B", "a@acme.example", "Billing_users", new_client_id(Random(2).choice))
    files = files_of(app)
    assert not [path for path, text in files.items() if any(line.isspace() for line in text.splitlines())]
    assert deployed(org, packaged(files)) == ("Succeeded", [])
    made = org.external_app("Billing_B")
    assert (made.live_certificate, made.client_id) == (None, app.client_id)
    assert made.assigned_permission_sets == ["Billing_users"]


@pytest.mark.parametrize("name", ["../x", "A&B", "", "7up", "My App", "Billing\n", "Größe"])
def test_a_name_that_no_app_can_have_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="an API name has letters, digits") as caught:
        write_project(NewApp(name, "a@acme.example", "Rotator", "key"), tmp_path / "new")
    assert (caught.value.effect, caught.value.hint) == ("Nothing was written.", "Give another name with --app.")
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_a_folder_that_is_in_use_is_overwritten(tmp_path: Path) -> None:
    app = NewApp("Billing_B", "a@acme.example", "Rotator", "key")
    write_project(app, tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "force-app",
        "revocation",
        "sfdx-project.json",
    ]
    with pytest.raises(ConfigurationError, match="is not empty") as caught:
        write_project(app, tmp_path / "new")
    assert caught.value.effect == "Nothing was written."
    assert caught.value.hint.startswith("Name one that is not there yet")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be written") as caught:
        write_project(app, tmp_path / "file" / "below")
    assert (caught.value.effect, caught.value.hint) == (
        "What it has of the project is not whole.",
        "Name another one.",
    )
