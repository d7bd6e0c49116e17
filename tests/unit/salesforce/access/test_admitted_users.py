"""What lets a user use an app is read by the app's grants and their assignments, of apps of either kind alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.core.lifecycle.revocation import GivenBy
from rotator.errors import OrgError
from rotator.salesforce.access.admitted_users import AdmittedUsers
from tests.unit.salesforce.conftest import CONSUMER, ROBOT, Pair

if TYPE_CHECKING:
    from rotator.salesforce.access.org_records import OrgRecords
    from rotator.salesforce.apps.org_apps import OrgApps
    from rotator.simulator.org.org import Org


def test_by_a_profile(production: Org, apps: OrgApps, records: OrgRecords) -> None:
    app = apps.read("Billing")
    assert app
    admitted = AdmittedUsers(records)
    app_id, label = admitted.identity(app)
    assert (app_id, label) == (production.app("Billing").id, "Billing")
    [given] = admitted.assignments(app_id, username=CONSUMER)
    assert (given.given_by, given.name) == (GivenBy.PROFILE, "Standard User")
    assert admitted.assignments(app_id, user_id=given.user_id) == [given]
    assert admitted.assignments(app_id, username=ROBOT) == []


def test_by_a_permission_set_of_an_external_client_app(
    production: Org, apps: OrgApps, records: OrgRecords, pair: Pair
) -> None:
    production.add_user("ship@rotator.example", permission_sets=("Shipping access",), profile="Nobody else's")
    production.add_user("gone@rotator.example", permission_sets=("Shipping access",), active=False)
    external = production.add_external_app("Shipping", certificate=pair.certificate, username="ship@rotator.example")
    policies = external.satellites["ExtlClntAppOauthConfigurablePolicies"]
    policies.component = {**policies.component, "commaSeparatedPermissionSet": "Shipping access"}
    app = apps.read("Shipping")
    assert app
    admitted = AdmittedUsers(records)
    app_id, _ = admitted.identity(app)
    given = {each.given_by: each for each in admitted.assignments(app_id, username="ship@rotator.example")}
    assert {kind: each.name for kind, each in given.items()} == {
        GivenBy.PROFILE: "Nobody else's",
        GivenBy.PERMISSION_SET: "Shipping access",
    }
    assert admitted.users_of(given[GivenBy.PERMISSION_SET].holder_id) == ("ship@rotator.example",)
    assert admitted.assignments(app_id, username="gone@rotator.example")


def test_two_apps_of_a_label_are_not_told_apart(
    production: Org, apps: OrgApps, records: OrgRecords, pair: Pair
) -> None:
    other = production.add_app("Billing2", certificate=pair.certificate, username=CONSUMER)
    other.component = {**other.component, "label": "Billing"}
    app = apps.read("Billing")
    assert app
    with pytest.raises(OrgError, match="shows 2 apps of the label of Billing") as caught:
        AdmittedUsers(records).identity(app)
    assert "label of its own" in caught.value.hint


def test_a_permission_that_is_missing_is_named(production: Org, records: OrgRecords) -> None:
    app_id = production.app("Billing").id
    production.settings = replace(production.settings, hidden_types=("SetupEntityAccess",))
    with pytest.raises(OrgError) as caught:
        AdmittedUsers(records).assignments(app_id, username=CONSUMER)
    assert '"View Setup and Configuration"' in caught.value.hint
