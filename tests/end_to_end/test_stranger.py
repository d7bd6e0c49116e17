"""Two terminals: the simulator in one, every command in the other, and a client of the org that is not ours."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.strangers import Folder, run, served
from tests.tiers import first_standard, thorough

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.processes import Ran


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Folder, Ran]]:
    """What was exported, and what became of the command that was printed, before any test has changed an app."""
    with served(tmp_path_factory.mktemp("simulated") / "export") as (folder, lines):
        script, *arguments = shlex.split(lines[-1])
        yield folder, run(script, *arguments)


@pytest.fixture(scope="module")
def exported(terminal: tuple[Folder, Ran]) -> Folder:
    """The folder exactly as it was exported. Each test has credentials of its own."""
    return terminal[0]


@pytest.fixture(scope="module")
def folder(exported: Folder) -> Folder:
    """The same with the shortest verification."""
    return exported.fast()


def test_the_printed_command_works_as_it_is(terminal: tuple[Folder, Ran]) -> None:
    _, ran = terminal
    assert (ran.code, ran.err) == (0, "")
    assert "login to production" in ran.out


def test_the_export_says_all_that_another_program_needs(exported: Folder) -> None:
    index = exported.index()
    assert set(index) == {"orgs"}
    assert [org["name"] for org in index["orgs"]] == ["production", "sandbox"]
    for org in index["orgs"]:
        assert set(org) == {"name", "url", "ca", "hosts", "management", "apps"}
        assert set(org["management"]) == {"client_id", "username", "private_key", "password"}
        for app in org["apps"]:
            assert set(app) == {"name", "type", "client_id", "username", "private_key"}
            assert app["type"] in {"ConnectedApp", "ExternalClientApplication"}
            key = app["private_key"]
            assert key is None or "PRIVATE KEY" in (exported.path / key).read_text()
    without_a_key = [app["name"] for org in index["orgs"] for app in org["apps"] if app["private_key"] is None]
    assert without_a_key == ["Onboarding"]


def test_a_stranger_looks_around_rotates_goes_back_and_ends_it(exported: Folder) -> None:
    inventory = exported.run("rotator", "inventory")
    assert inventory.code == 0
    assert "Billing" in inventory.out
    status = exported.rotator("status", "billing")
    assert "! due" in status.out
    plan = exported.rotate("plan", "billing")
    assert "4. uploading the certificate of the new version to Billing" in plan.out

    old_key = exported.key("production", "Billing")
    assert exported.logs_in("production", "Billing", old_key)
    first = exported.fingerprint("billing")
    config = exported.path / exported.config
    now = run("rotate", "--config", config, "now", "billing", "--reason", "the stranger's first")
    assert now.code == 0
    second = exported.fingerprint("billing")
    assert f"billing: ✓ rotated {str(first)[:12]} -> {str(second)[:12]} (in_place)" in now.out
    assert "Gap: consumers that try `current` only may have been refused for" in now.out
    assert "`rotate back billing`" in now.out
    assert "uploading the certificate" in now.err
    assert "uploading the certificate" not in now.out
    assert not exported.logs_in("production", "Billing", old_key)
    assert exported.current_logs_in("production", "billing")

    history = exported.rotator("history", "billing")
    assert "the stranger's first" in history.out
    assert "promote" in history.out
    assert exported.run("rotator", "verify", "billing").code == 0
    assert "! due" not in exported.rotator("status", "billing").out

    back = exported.fast().run("rotate", "back", "billing")
    assert back.code == 0
    assert (exported.fingerprint("billing"), exported.fingerprint("billing", "previous")) == (first, second)
    assert exported.logs_in("production", "Billing", old_key)

    finish = exported.fast().rotate("finish", "billing", "--retire-now")
    assert finish.code == 0
    assert exported.fingerprint("billing", "previous") is None
    proof = exported.run("rotator", "history", "verify")
    assert proof.code == 0
    assert "none changed" in proof.out


@thorough
def test_a_pair_takes_turns_and_the_old_key_ends_only_with_its_grace(folder: Folder) -> None:
    old_key = folder.key("production", "Warehouse_A")
    (ran,) = folder.run("rotate", "now", "warehouse", "--json").json
    assert (ran["strategy"], ran["outcome"], ran["gap_seconds"]) == ("alternating", "rotated", 0.0)
    assert folder.logs_in("production", "Warehouse_A", old_key)
    assert not folder.logs_in("production", "Warehouse_B", old_key)
    assert folder.current_logs_in("production", "warehouse")

    again = folder.rotate("now", "warehouse")
    assert again.code == 3
    assert "! waiting" in again.out
    assert folder.logs_in("production", "Warehouse_A", old_key)

    finish = folder.rotate("finish", "warehouse", "--retire-now")
    assert finish.code == 0
    assert "ending the previous key's logins through Warehouse_A" in finish.err
    assert not folder.logs_in("production", "Warehouse_A", old_key)
    assert folder.current_logs_in("production", "warehouse")


def test_an_app_without_a_certificate_is_enrolled(folder: Folder) -> None:
    refused = folder.rotate("now", "onboarding")
    assert refused.code == 1
    assert "`rotator enroll onboarding`" in refused.err
    planned = folder.rotate("plan", "onboarding")
    assert planned.code == 0
    assert "`rotator enroll onboarding`" in planned.out
    (ran,) = folder.run("rotator", "enroll", "onboarding", "--json").json
    assert (ran["outcome"], ran["old_fingerprint"]) == ("rotated", None)
    assert folder.current_logs_in("production", "onboarding")
    assert folder.rotator("enroll", "onboarding").code == 1


@thorough
def test_key_pairs_made_by_hand_are_adopted_rotated_together_and_ended_at_once(folder: Folder) -> None:
    credentials = {
        name: {"org": "sandbox", "store": "keys", "username": f"{user}@sandbox.example", "apps": [app]}
        for name, user, app in (("loader", "data.loader", "Data_Loader"), ("archive", "archive", "Archive"))
    }
    ours = folder.configured("adopted.yaml", credentials=credentials)
    for name, app in (("loader", "Data_Loader"), ("archive", "Archive")):
        adopted = ours.rotator("adopt", name, "--key", str(folder.path / "keys" / f"sandbox-{app}.pem"))
        assert adopted.code == 0
        assert "is current (in_place)" in adopted.out
        assert (ours.stored(name) / "private_key.pem").read_bytes() == folder.key("sandbox", app)

    wrong = ours.rotator("adopt", "archive", "--key", str(folder.path / "keys" / "sandbox-Data_Loader.pem"))
    assert wrong.code == 1
    assert "does not match the live certificate of Archive" in wrong.err

    runs = ours.run("rotate", "now", "--all", "--json").json
    assert [(ran["credential"], ran["outcome"]) for ran in runs] == [("loader", "rotated"), ("archive", "rotated")]

    stolen = (ours.stored("loader") / "private_key.pem").read_bytes()
    ended = ours.rotate("now", "loader", "--compromised", "--reason", "seen in a chat")
    assert ended.code == 0
    assert not ours.logs_in("sandbox", "Data_Loader", stolen)
    assert ours.current_logs_in("sandbox", "loader")
    assert ours.fingerprint("loader", "previous") is None
    (rotation, *_) = ours.rotator("history", "loader", "--json").json["rotations"]
    assert (rotation["trigger"], rotation["reason"]) == ("compromised", "seen in a chat")


def test_one_that_cannot_be_rotated_does_not_keep_the_others_from_it(folder: Folder) -> None:
    settings = folder.read()["credentials"]["billing-sandbox"]
    both = folder.configured("both.yaml", credentials={"ghost": settings | {"apps": ["Ghost"]}, "alive": settings})
    key = folder.path / "keys" / "sandbox-Billing.pem"
    assert both.rotator("adopt", "alive", "--key", str(key)).code == 0
    ran = both.rotate("now", "--all", "--json")
    assert ran.code == 1
    (ghost,) = [each for each in ran.json if each["credential"] == "ghost"]
    (alive,) = [each for each in ran.json if each["credential"] == "alive"]
    assert (ghost["outcome"], ghost["exit_code"]) == ("failed", 1)
    assert (alive["outcome"], alive["exit_code"]) == ("rotated", 0)
    assert "Error: ghost: " in ran.err


@thorough
def test_what_somebody_changed_by_hand_is_seen_and_put_back(folder: Folder) -> None:
    mine = folder.fingerprint("legacy-sync")
    settings = folder.read()["credentials"]["legacy-sync"]
    somebody = folder.configured(
        "somebody.yaml",
        credentials={"theirs": settings},
        database="sqlite:///somebody.db",
        stores={"keys": {"type": "files", "path": "their-store"}},
    )
    assert somebody.rotator("enroll", "theirs", "--replace-unknown").code == 0

    status = folder.rotator("status", "legacy-sync")
    assert "✗ drift" in status.out
    refused = folder.rotate("now", "legacy-sync")
    assert refused.code == 1
    assert "somebody changed it by hand" in refused.out
    before = folder.everything()
    assert folder.rotate("back", "legacy-sync").code == 1
    assert folder.everything() == before

    restored = folder.rotate("restore", "legacy-sync")
    assert restored.code == 0
    assert "✓ restored" in restored.out
    assert folder.state("production")["apps"]["Legacy_Sync"] == mine
    assert folder.current_logs_in("production", "legacy-sync")


def test_a_dry_run_changes_nothing_and_says_what_a_run_would_do(folder: Folder) -> None:
    before = folder.everything()
    ran = folder.rotate("now", "--all", "--dry-run", "--json")
    assert [each["credential"] for each in ran.json] == list(folder.read()["credentials"])
    assert folder.rotate("now", "reporting", "--dry-run").code == 0
    after = folder.everything()
    unchanged = {name for name in before["store"] if name.startswith("reporting")}
    assert unchanged
    assert {name: after["store"][name] for name in unchanged} == {name: before["store"][name] for name in unchanged}
    assert after["production"] == before["production"]


def test_a_kept_key_logs_in_before_during_and_after(folder: Folder) -> None:
    key = folder.key("production", "Reporting")
    before = folder.fingerprint("reporting")
    (ran,) = folder.rotate("now", "reporting", "--keep-key", "--json").json
    assert (ran["outcome"], ran["gap_seconds"]) == ("rotated", 0.0)
    assert folder.fingerprint("reporting") == ran["new_fingerprint"] != before
    assert folder.logs_in("production", "Reporting", key)
    stored = (folder.stored("reporting") / "private_key.pem").read_bytes()
    assert folder.logs_in("production", "Reporting", stored)


@pytest.mark.parametrize(
    "arguments",
    first_standard([["check"], ["status"], ["history"], ["inventory"], ["rotate", "plan"], ["history", "verify"]], 3),
)
def test_json_is_all_there_is_on_standard_output(exported: Folder, arguments: list[str]) -> None:
    # The first command that writes says that it made the history.
    assert exported.rotator("db", "upgrade").code == 0
    ran = exported.rotator(*arguments, "--json")
    assert isinstance(ran.json, list | dict)
    assert ran.err == ""


def test_what_is_piped_on_has_neither_colours_nor_folded_lines(exported: Folder) -> None:
    ran = exported.run("rotator", "inventory", COLUMNS="40")
    assert "\x1b" not in ran.out
    apps, _, others = ran.out.partition("\n\nOther certificates:\n\n")
    assert len(apps.splitlines()) == 2 + sum(len(org["apps"]) for org in exported.index()["orgs"])
    assert len(others.splitlines()) == 2 + 5
    plain = exported.run("rotator", "status", "nobody", NO_COLOR="1")
    assert "\x1b" not in plain.err


def test_the_document_of_a_version_is_all_that_a_consumer_needs(exported: Folder) -> None:
    document = json.loads((exported.stored("billing-sandbox") / "credential.json").read_text())
    assert {"client_id", "username", "login_url", "audience", "app"} <= set(document)
