"""`rotator export` against a store of the simulated orgs."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from rotator.cli.commands.export import FORMATS
from rotator.core.crypto.keystores import Format
from tests.tiers import longer
from tests.unit.cli.outcomes import Command

PASSWORD = "a long password"


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYSTORE_PASSWORD", PASSWORD)


def arguments(config: Path, out: Path, form: str = "pkcs12") -> list[str | Path]:
    options: list[str | Path] = ["--format", form, "--out", out, "--password-env", "KEYSTORE_PASSWORD"]
    return ["--config", config, "export", "billing", *options]


def test_every_kind_of_keystore_can_be_asked_for() -> None:
    assert tuple(Format) == FORMATS


@longer
def test_an_export_says_what_it_wrote_and_that_no_rotation_reaches_it(
    rotator: Command, config: Path, tmp_path: Path
) -> None:
    outcome = rotator(*arguments(config, tmp_path / "billing.p12"))
    assert (outcome.code, outcome.err) == (0, "")
    assert "run this again after each rotation of billing" in outcome.out
    assert PASSWORD not in outcome.out
    assert pkcs12.load_pkcs12((tmp_path / "billing.p12").read_bytes(), PASSWORD.encode()).key


def test_an_export_as_json_has_the_documented_members(rotator: Command, config: Path, tmp_path: Path) -> None:
    told = rotator(*arguments(config, tmp_path / "billing.jks", "jks"), "--json").json
    assert set(told) == {"credential", "fingerprint", "not_after", "format", "path", "alias"}
    assert (told["format"], told["alias"], told["path"]) == ("jks", "billing", str(tmp_path / "billing.jks"))


@longer
def test_the_history_shows_who_took_the_key_out_of_the_store(rotator: Command, config: Path, tmp_path: Path) -> None:
    rotator(*arguments(config, tmp_path / "billing.p12"))
    assert "export" in rotator("history", "billing", "--config", config).out
    (event,) = rotator("history", "billing", "--json", "--config", config).json["events"]
    assert (event["kind"], event["details"]["path"]) == ("export", str(tmp_path / "billing.p12"))
    assert event["details"]["actor"]
    assert rotator("history", "verify", "--config", config).code == 0


def test_a_password_is_taken_from_a_variable_that_is_there(
    rotator: Command, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEYSTORE_PASSWORD")
    outcome = rotator(*arguments(config, tmp_path / "billing.p12"))
    assert outcome.code == 2
    assert "KEYSTORE_PASSWORD is not set" in outcome.err
    assert not (tmp_path / "billing.p12").exists()


def test_the_help_says_that_the_key_leaves_the_store(rotator: Command) -> None:
    assert "private key leaves the store" in " ".join(rotator("export", "--help").out.split())
