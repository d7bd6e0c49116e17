"""An org that is away is worth another try, one that says no needs a person; nothing changes in either case."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from rotator.simulator.serving.server import utc_now
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.end_to_end.processes import Ran
from tests.end_to_end.troubles import login_of, production, refused

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from tests.end_to_end.strangers import Folder

NOTHING_LISTENS = "127.0.0.1:1"


def test_an_org_where_nobody_answers(folder: Folder) -> None:
    away = production(folder, login_url=f"https://{NOTHING_LISTENS}")
    before = folder.everything()
    refused(away.rotate("now", "reporting"), 3, NOTHING_LISTENS, "onnection refused")
    told = away.rotate("now", "--all", "--json")
    assert told.code == 3
    assert {each["credential"]: each["exit_code"] for each in told.json} == {
        name: 0 if name == "billing-sandbox" else 3 for name in folder.read()["credentials"]
    }
    assert folder.everything()["production"] == before["production"]


def test_a_proxy_that_does_not_answer(folder: Folder) -> None:
    before = folder.everything()
    refused(production(folder, proxy=f"http://{NOTHING_LISTENS}").rotate("now", "reporting"), 3, "the proxy does not")
    assert folder.everything() == before


def test_an_org_whose_tls_certificate_is_not_trusted(folder: Folder) -> None:
    before = folder.everything()
    refused(production(folder, ca=None).rotate("now", "reporting"), 1, "is not trusted", "Set `ca` of the org")
    assert folder.everything() == before


def test_a_clock_that_is_wrong(folder: Folder, org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(org, "clock", lambda: utc_now() + timedelta(minutes=10))
    before = folder.everything()
    refused(folder.rotate("now", "reporting"), 1, "expired authorization code", "Set this machine's clock")
    assert folder.everything() == before


def test_the_programs_own_user_may_not_use_the_metadata_api(
    folder: Folder, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(org.users["rotator@production.example"], "may_use_metadata", False)
    before = folder.everything()
    refused(folder.rotate("now", "reporting"), 1, "INSUFFICIENT_ACCESS")
    checked = folder.rotator("check")
    assert checked.code == 1
    assert "✗ failed   metadata of production" in checked.out
    assert folder.everything() == before


def test_the_programs_own_key_is_not_the_management_apps(folder: Folder) -> None:
    wrong = {"private_key": {"file": "keys/production-Billing.pem"}}
    before = folder.everything()
    ran = production(folder, login=login_of(folder) | wrong).rotate("now", "reporting")
    refused(ran, 1, "refuses the program's own login", "invalid assertion")
    assert folder.everything() == before


@pytest.mark.parametrize("app", ["Ghost", "reporting_"])
def test_an_app_that_is_not_there(folder: Folder, app: str) -> None:
    settings = folder.read()
    ghost = settings["credentials"]["reporting"] | {"apps": [app]}
    gone = folder.configured("changed.yaml", credentials={"reporting": ghost})
    before = folder.everything()
    ran = gone.rotate("now", "reporting")
    assert ran.code == 1
    assert app in ran.out + ran.err
    assert "What to do: " in ran.out + ran.err
    status = gone.rotator("status", "reporting")
    refused(Ran(status.code, "", status.err), 1, app)
    assert folder.everything() == before


def test_a_user_who_is_not_approved(folder: Folder, org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("profileName", "permissionSetName"):
        monkeypatch.setitem(org.app("Reporting").component, part, [])
    before = folder.everything()
    ran = folder.rotate("now", "reporting")
    assert ran.code == 1
    assert "✗ halted" in ran.out
    assert "not admin approved" in ran.out
    assert "permission set" in ran.out
    assert folder.state("production")["apps"] == before["production"]
    assert folder.fingerprint("reporting")
    assert folder.rotator("verify", "reporting").code == 1


def test_an_app_whose_certificate_is_none(folder: Folder, org: Org) -> None:
    app = org.app("Reporting")
    changes = list(app.slot.changes)
    garbage: Any = SimpleNamespace(base64="bm90IGEgY2VydGlmaWNhdGU=", fingerprint="garbage")
    app.slot.put(garbage, utc_now())
    try:
        before = folder.everything()
        refused(folder.rotate("now", "reporting"), 1, "Reporting", "cannot be read")
        inventory = folder.rotator("inventory")
        assert "✗ unreadable" in inventory.out
        assert folder.everything() == before
    finally:
        app.slot.changes[:] = changes


@pytest.mark.parametrize(
    ("kind", "answer", "words"),
    [
        (Kind.SOAP_READ, "request_limit_exceeded", "used up its API calls"),
        (Kind.TOKEN, "login_rate_exceeded", "LOGIN_RATE_EXCEEDED"),
        (Kind.TOKEN, "http_503", "HTTP 503"),
    ],
)
def test_an_org_that_has_had_enough_for_now(folder: Folder, org: Org, kind: Kind, answer: str, words: str) -> None:
    org.faults.add(Fault(kind, Effect.FAIL, times=None, answer=answer))
    before = folder.everything()
    refused(folder.rotate("now", "reporting"), 3, words)
    assert folder.everything() == before


def test_a_standby_app_whose_certificate_nobody_knows(folder: Folder, org: Org) -> None:
    standby, reporting = org.app("Warehouse_B"), org.app("Reporting")
    changes = list(standby.slot.changes)
    standby.slot.put(reporting.live_certificate, utc_now())
    try:
        before = folder.everything()
        ran = folder.rotate("now", "warehouse")
        assert ran.code == 1
        assert "nobody here knows" in ran.out
        assert "rotator adopt" in ran.out
        assert folder.everything() == before
    finally:
        standby.slot.changes[:] = changes
