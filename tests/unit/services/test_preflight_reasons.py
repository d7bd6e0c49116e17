"""What `rotator check` says of a history and a signing key that are not as they should be, and what waits for what."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.config.loading import parse
from rotator.core.lifecycle.revocation import Revocation, RevocationStep
from rotator.errors import ConfigurationError, HistoryError, LoginRefused, StoreError
from rotator.history.engine.damage import RESTORE_ROW, UnreadableRow
from rotator.history.journal.evidence import Fault
from rotator.history.journal.projection import CredentialRecord
from rotator.salesforce.soap import API_VERSION
from rotator.services import preflight
from rotator.services.checked import Check, Result
from rotator.services.inventory.credential_history import CredentialHistory
from rotator.testing.versions import MOMENT
from tests.unit.services.conftest import CONFIGURATION
from tests.unit.services.preflight_world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.config.settings import Settings
    from rotator.stores.files.store import FilesStore

HOUR = timedelta(hours=1)


@pytest.fixture
def world(settings: Settings, store: FilesStore) -> World:
    return World(settings, store)


@pytest.mark.parametrize(("number", "more"), [(1, ""), (5, ""), (6, " and more")])
def test_rows_of_the_history_that_cannot_be_read_are_named_up_to_five(
    world: World, monkeypatch: pytest.MonkeyPatch, number: int, more: str
) -> None:
    rows = [UnreadableRow("event", str(key), "time") for key in range(1, number + 1)]
    monkeypatch.setattr(preflight, "unreadable_rows", lambda _: rows)
    check = world.check("history")
    assert check.result is Result.FAILED
    assert check.sentence.startswith("The history sqlite:///rotator.db has ")
    assert "`time` of the row 1 of the table event" in check.sentence
    assert check.sentence.endswith(f"row {min(number, 5)} of the table event{more}.")
    assert check.hint == RESTORE_ROW


def test_what_cannot_be_read_of_the_history_leaves_the_rest_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "unreadable_rows", lambda _: [UnreadableRow("event", "1", "time")])
    checks = preflight._Checks(cast("Any", world), validates=False)
    with pytest.raises(HistoryError) as caught:
        checks._history()
    assert caught.value.effect == "Everything else of it counts."


@pytest.mark.parametrize("why", ["It is on this machine.", None])
def test_that_nothing_proves_the_server_of_the_history_is_said_with_the_reason(world: World, why: str | None) -> None:
    database = world.settings.database.model_copy(update={"insecure": why})
    world.settings = world.settings.model_copy(update={"database": database})
    said = f" Its server is not proven to be the right one: {why}" if why else ""
    assert world.check("history").sentence == f"sqlite:///rotator.db is at version 0001.{said}"


@pytest.fixture
def signing(world: World) -> World:
    """There is a key that signs events."""
    world.database.signer = SimpleNamespace(public_key=lambda: "ed25519:abc")
    world.database.reading = lambda: nullcontext(SimpleNamespace(execute=lambda *_, **__: nullcontext(())))
    return world


def test_a_signing_key_that_is_there_is_shown(signing: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "key_fault", lambda *_: None)
    check = signing.check("signing key")
    assert (check.result, check.sentence) == (
        Result.OK,
        "It is there, and belongs to what was signed last: ed25519:abc.",
    )
    signing.database.signer = SimpleNamespace(public_key=lambda: "")
    assert signing.check("signing key").result is Result.SKIPPED


def test_a_signing_key_that_did_not_sign_what_was_signed_last_fails(
    signing: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "key_fault", lambda *_: Fault("Another key signed it.", "Put it back."))
    assert signing.check("signing key") == Check("signing key", Result.FAILED, "Another key signed it.", "Put it back.")


def test_what_an_org_and_its_apps_answer_is_said_whole(world: World) -> None:
    assert world.check("metadata of production").sentence == (
        "The Metadata API is open to the program's user, and with it the permission to modify metadata."
        f" The org offers its versions up to 67.0; rotator speaks {API_VERSION}."
    )
    assert world.check("apps of warehouse").sentence.startswith("Warehouse_A and Warehouse_B can be read. ")


def test_who_has_to_set_a_clock_is_told_which_and_why(world: World) -> None:
    world.orgs["production"].server_time = MOMENT + HOUR
    check = world.check("clock of production")
    assert check.sentence == "This machine's clock and the org's are 3600 seconds apart."
    assert check.hint == "Set this machine's clock (NTP): an org refuses assertions that are too old."


def test_calls_are_not_asked_for_where_no_login_succeeds(world: World) -> None:
    world.orgs["production"].refuses = LoginRefused("refused")
    assert world.check("calls to production") == Check(
        "calls to production", Result.SKIPPED, "Not tried, because the check `login to production` did not pass."
    )


def refuse() -> None:
    raise StoreError("The disk is full.")


def test_settings_of_a_secret_are_not_looked_at_in_a_store_that_refuses(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.files, "check", refuse)
    cast("Any", world.files).examine = lambda _: []
    assert world.check("secret of billing").result is Result.SKIPPED


def test_a_store_that_cannot_be_opened_is_told_of_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_name: str) -> Any:
        raise ConfigurationError("STORE_TOKEN is not set.")

    monkeypatch.setattr(world, "store", closed)
    checks = world.all()
    assert checks["store keys"].result is Result.FAILED
    assert "secret of billing" not in checks
    assert checks["key of billing"].result is Result.SKIPPED


HOOKS = """
hooks: {after_rotation: {reload: {type: webhook, url: "https://crm.example/reload", secret: {env: HOOK_SECRET}}}}
alerts: {channels: {reload: {type: apprise, url: {env: URL}}}}
"""


def test_a_hook_and_a_channel_of_one_name_are_tried_each(world: World) -> None:
    world.settings = parse(CONFIGURATION + HOOKS, Path("config.yaml"))
    world.hooks = {"reload": SimpleNamespace(check=lambda: "The hook answers.")}
    world.channels = {"reload": SimpleNamespace(check=lambda: "Connected.")}
    assert world.check("hook reload").sentence == "The hook answers."
    assert world.check("channel reload").sentence == "Connected."


@pytest.mark.parametrize(
    "record",
    [
        CredentialRecord(credential="billing", tried_at=MOMENT - HOUR, tried_version="gone"),
        CredentialRecord(
            credential="billing",
            revocation=Revocation(since=MOMENT - HOUR, by="ana", reason="x", wanted=(RevocationStep.ACCESS,)).as_text(),
        ),
    ],
    ids=["lost", "half revoked"],
)
def test_what_was_lost_or_is_half_revoked_fails(
    world: World, stored: Callable[..., Any], record: CredentialRecord
) -> None:
    if record.revocation:
        world.orgs["production"].live["Billing"] = stored().certificate
    world.histories["billing"] = replace(CredentialHistory(), record=record)
    assert world.check("key of billing").result is Result.FAILED


def test_rights_of_machines_are_not_asked_of_a_history_that_is_damaged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = world.settings.database.model_copy(update={"url": "postgresql://db/rotator"})
    world.settings = world.settings.model_copy(update={"database": database})
    world.database.is_shared = False
    assert world.check("machines").sentence == "There is no history yet that machines could share."
    monkeypatch.setattr(preflight, "unreadable_rows", lambda _: [UnreadableRow("event", "1", "time")])
    assert world.check("machines").result is Result.SKIPPED
