"""The project for Salesforce's command line makes an app that a user with its permission set logs in through."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.core.crypto.keys import PrivateKey
from rotator.core.logins import LoginOutcome
from rotator.errors import ConfigurationError
from rotator.salesforce.login import LoginTarget, prove
from rotator.services.org_project import NewApp, files_of, new_client_id, write_project
from rotator.simulator.org.org import Org
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
    files = files_of(NewApp("CRM_CONTACT_SYNC", "a@acme.example", "CONSUMER_KEY users", "k" * 64))
    [header] = [text for path, text in files.items() if path.endswith("/CRM_CONTACT_SYNC.eca-meta.xml")]
    assert "<label>CRM CONTACT SYNC</label>" in header
    assert "<contactEmail>a@acme.example</contactEmail>" in header


def test_who_has_the_permission_set_logs_in_through_the_app(org: Org) -> None:
    key = PrivateKey.generate()
    certificate = self_signed(key, SubjectName("m"), now=MOMENT, lifetime=timedelta(days=9))
    app = NewApp("Rotator_Management", "a&b@acme.example", "Rotator", new_client_id(Random(2).choice), certificate)
    assert deployed(org, packaged(files_of(app))) == ("Succeeded", [])
    assert set(org.permission_sets) == {"Rotator", "Rotator_Client_Secrets", "Rotator_Connected_Apps"}
    made = org.external_app("Rotator_Management")
    assert made.live_certificate == certificate
    assert made.header["contactEmail"] == "a&b@acme.example"
    for username, outcome in ((ROBOT, LoginOutcome.ACCEPTED), (ADMIN, LoginOutcome.CONFIGURATION)):
        target = LoginTarget(org.url, app.client_id, username, org.url)
        answer = prove(NearTransport([org]), target, key, MOMENT)
        assert answer.outcome is outcome


def test_an_app_without_a_certificate_has_a_place_for_one(org: Org) -> None:
    app = NewApp("Billing_B", "a@acme.example", "Billing users", new_client_id(Random(2).choice))
    assert deployed(org, packaged(files_of(app))) == ("Succeeded", [])
    made = org.external_app("Billing_B")
    assert (made.live_certificate, made.client_id) == (None, app.client_id)
    assert made.assigned_permission_sets == ["Billing users"]


def test_nothing_of_a_folder_that_is_in_use_is_overwritten(tmp_path: Path) -> None:
    app = NewApp("Billing_B", "a@acme.example", "Rotator", "key")
    write_project(app, tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["force-app", "sfdx-project.json"]
    with pytest.raises(ConfigurationError, match="is not empty"):
        write_project(app, tmp_path / "new")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_project(app, tmp_path / "file" / "below")
