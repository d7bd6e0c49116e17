"""Keys and secrets of external client apps over REST (facts 5.3)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.simulator.org.users import Profile
from rotator.simulator.rest.resources import answer_data
from rotator.simulator.rest.user_rights import PERMISSIONS
from rotator.simulator.wire.request import Request
from tests.unit.simulator.helpers import session_of

if TYPE_CHECKING:
    from rotator.simulator.org.external_apps import ExternalApp
    from rotator.simulator.org.org import Org
    from tests.unit.simulator.helpers import StandingClock

BASE = "/services/data/v66.0/apps/oauth"


@pytest.fixture
def app(org: Org) -> ExternalApp:
    org.settings = replace(org.settings, external_secrets_over_rest=True)
    return org.add_external_app("Shipping")


def ask(org: Org, path: str, method: str = "GET", sent: Any = None, session: str = "") -> tuple[int, Any]:
    plain, _, query = path.partition("?")
    headers = {"authorization": f"Bearer {session or session_of(org)}"}
    request = Request(method, plain, dict([query.split("=")]) if query else {}, headers, json.dumps(sent).encode())
    answer = answer_data(org, request, plain.removeprefix("/services/data/").split("/"))
    return answer.status, json.loads(answer.body) if answer.body else None


@pytest.mark.fact("5.3a")
def test_a_pair_is_staged_rotated_in_and_the_old_one_works_for_thirty_days(
    org: Org, app: ExternalApp, clock: StandingClock
) -> None:
    old = app.client_id
    _, usage = ask(org, f"{BASE}/usage")
    assert usage["apps"] == [{"developerName": "Shipping", "identifier": app.id, "label": "Shipping"}]
    _, found = ask(org, f"{BASE}/credentials/{app.id}")
    [consumer] = found["consumers"]
    assert consumer["key"] == old
    assert ask(org, consumer["url"])[1]["key"] == old
    staged_url = consumer["stagedCredentialsUrl"]
    assert ask(org, staged_url)[1] == {"stagedCredentials": []}
    _, made = ask(org, staged_url, "POST")
    [staged] = made["stagedCredentials"]
    assert (staged["state"], ask(org, staged_url, "POST")[0]) == ("Active", 400)
    assert org.app_of(staged["key"]) is None
    _, rotated = ask(org, staged["url"], "PATCH", {"command": "rotate"})
    assert [(each["key"], each["state"]) for each in rotated["stagedCredentials"]] == [(old, "Rotated")]
    assert app.client_id == staged["key"]
    assert org.app_of(old) is app
    clock.advance(timedelta(days=30).total_seconds())
    assert org.app_of(old) is None
    assert [each["state"] for each in ask(org, staged_url)[1]["stagedCredentials"]] == ["Expired"]


@pytest.mark.fact("5.3e")
def test_what_was_staged_and_not_rotated_in_within_thirty_days_has_expired(
    org: Org, app: ExternalApp, clock: StandingClock
) -> None:
    url = f"{BASE}/credentials/{app.id}/{app.consumer.id if app.consumer else ''}/staged"
    [staged] = ask(org, url, "POST")[1]["stagedCredentials"]
    clock.advance(timedelta(days=30).total_seconds())
    assert [each["state"] for each in ask(org, url)[1]["stagedCredentials"]] == ["Expired"]
    assert ask(org, staged["url"], "PATCH", {"command": "rotate"})[0] == 400
    assert ask(org, url, "POST")[0] == 400


@pytest.mark.fact("5.3f")
def test_apps_are_listed_page_by_page(org: Org, app: ExternalApp) -> None:
    for number in range(100):
        org.add_external_app(f"App_{number}")
    first, second, third = (ask(org, f"{BASE}/usage?page={number}")[1] for number in range(3))
    assert ask(org, f"{BASE}/usage")[1] == first
    assert (len(first["apps"]), len(second["apps"]), third["apps"]) == (100, 1, [])
    assert first["apps"][0]["identifier"] == app.id
    assert first["nextPageUrl"] == f"{BASE}/usage?page=1"
    assert [each["developerName"] for each in ask(org, f"{BASE}/usage?pageSize=1")[1]["apps"]] == ["Shipping"]


def test_staged_pairs_can_be_taken_back_and_what_is_not_there_is_not_found(org: Org, app: ExternalApp) -> None:
    assert app.consumer is not None
    url = f"{BASE}/credentials/{app.id}/{app.consumer.id}/staged"
    [staged] = ask(org, url, "POST")[1]["stagedCredentials"]
    for sent in ({"command": "dance"}, ["rotate"], "rotate"):
        assert ask(org, staged["url"], "PATCH", sent)[0] == 400
    assert ask(org, staged["url"], "DELETE") == (204, None)
    assert ask(org, staged["url"], "DELETE")[0] == 404
    for path in ("credentials/0xI000000000000", f"credentials/{app.id}/888000000000000", "nothing"):
        assert ask(org, f"{BASE}/{path}")[0] == 404


@pytest.mark.fact("5.3b")
def test_older_versions_do_not_have_them(org: Org) -> None:
    assert ask(org, "/services/data/v64.0/apps/oauth/usage")[0] == 404


@pytest.mark.fact("5.3d")
@pytest.mark.parametrize("path", ["usage", "credentials/{id}", "credentials/{id}/{consumer}?part=keyandsecret"])
def test_they_take_the_permissions_of_a_developer_of_such_apps_and_of_who_may_see_secrets(
    org: Org, app: ExternalApp, path: str
) -> None:
    assert app.consumer
    address = f"{BASE}/{path.format(id=app.id, consumer=app.consumer.id)}"
    needed = {"ExternalClientAppDeveloper", "ViewClientSecret"}
    for missing in (*sorted(needed), None):
        org.profiles["Robots"] = Profile(frozenset(PERMISSIONS) - {missing or ""})
        user = org.add_user(f"{missing}@example.com", profile="Robots")
        session = session_of(org, user.username)
        status, told = ask(org, address, session=session)
        assert status == (403 if missing else 200)
        assert not missing or told[0]["errorCode"] == "INSUFFICIENT_ACCESS"


def test_an_org_may_keep_secrets_out_of_the_rest_api(org: Org, app: ExternalApp) -> None:
    """By ExternalClientAppSettings.enableClientSecretInRestApiAccess, which is off where nobody turned it on."""
    org.settings = replace(org.settings, external_secrets_over_rest=False)
    [consumer] = ask(org, f"{BASE}/credentials/{app.id}")[1]["consumers"]
    for url in (consumer["url"], consumer["stagedCredentialsUrl"]):
        assert ask(org, url)[0] == 403
    org.features["ExternalClientAppSettings"] = {"enableClientSecretInRestApiAccess": "true"}
    assert ask(org, consumer["url"])[0] == 200


def test_what_is_not_known_of_the_second_pair_is_a_setting(org: Org, app: ExternalApp, clock: StandingClock) -> None:
    url = f"{BASE}/credentials/{app.id}/{app.consumer.id if app.consumer else ''}/staged"
    org.settings = replace(
        org.settings,
        external_staged_pairs_log_in=True,
        external_ended_pairs_shown=False,
        external_no_second_pair="not_found",
    )
    assert ask(org, url)[0] == 404
    [staged] = ask(org, url, "POST")[1]["stagedCredentials"]
    assert org.app_of(staged["key"]) is app
    ask(org, staged["url"], "PATCH", {"command": "rotate"})
    assert len(ask(org, url)[1]["stagedCredentials"]) == 1
    clock.advance(timedelta(days=30).total_seconds())
    assert ask(org, url)[0] == 404
    assert ask(org, url, "POST")[0] == 200
