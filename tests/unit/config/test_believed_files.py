"""Which configuration is taken, and which files that say where secrets go."""

from __future__ import annotations

from pathlib import Path

import pytest

from rotator.config.loading import REDIRECTING, load, locate
from rotator.errors import ConfigurationError
from tests.unit.config.conftest import SOUND


@pytest.mark.parametrize("place", ["config.yaml", "."])
def test_a_configuration_that_was_found_is_not_believed_where_others_can_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").touch()
    (tmp_path / place).chmod(0o777)

    with pytest.raises(ConfigurationError, match="was found and is not believed: everybody can write") as refused:
        locate(None, {})
    assert "--config" in refused.value.hint


@pytest.mark.parametrize("named", [(Path("named.yaml"), {}), (None, {"ROTATOR_CONFIG": "named.yaml"})])
def test_one_that_was_named_is_taken_with_a_warning_and_by_root_not_at_all(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    named: tuple[Path | None, dict[str, str]],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "named.yaml").touch(mode=0o666)
    (tmp_path / "named.yaml").chmod(0o666)
    monkeypatch.setattr("rotator.trusted_files._is_root", lambda: False)
    assert locate(*named) == Path("named.yaml")
    assert "decides where secrets are sent, and everybody can write it. Have it" in caplog.text

    monkeypatch.setattr("rotator.trusted_files._is_root", lambda: True)
    with pytest.raises(ConfigurationError, match="everybody can write it"):
        locate(*named)


@pytest.mark.parametrize("variable", [*REDIRECTING])
def test_what_a_variable_names_and_others_can_write_leads_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variable: str
) -> None:
    (tmp_path / "named").touch()
    (tmp_path / "config.yaml").touch()
    environ = {variable: str(tmp_path / "named")}
    monkeypatch.setattr("rotator.trusted_files._is_root", lambda: False)
    locate(tmp_path / "config.yaml", environ)
    assert caplog.text == ""
    (tmp_path / "named").chmod(0o666)

    locate(tmp_path / "config.yaml", environ)
    assert (
        f"({variable}) {tmp_path / 'named'} decides where secrets are sent, and everybody can write it" in caplog.text
    )
    monkeypatch.setattr("rotator.trusted_files._is_root", lambda: True)
    with pytest.raises(ConfigurationError, match=variable):
        locate(tmp_path / "config.yaml", environ)


@pytest.mark.parametrize("section", ["org", "channel", "database"])
def test_authorities_that_others_can_write_are_not_believed_by_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    monkeypatch.setattr("rotator.trusted_files._is_root", lambda: True)
    (tmp_path / "ca.pem").touch()
    (tmp_path / "ca.pem").chmod(0o666)
    channel = "alerts: {channels: {team: {type: slack, token: {env: TOKEN}, channel: C0123, ca: ca.pem}}}\n"
    with_ca = SOUND.replace("    login:", "    ca: ca.pem\n    login:", 1)
    database = f"database: postgresql://r@db.example/r?sslmode=verify-full&sslrootcert={tmp_path}/ca.pem\n"
    text = {"org": with_ca, "channel": SOUND + channel, "database": database + SOUND.partition("\n")[2]}[section]
    (tmp_path / "config.yaml").write_text(text)

    with pytest.raises(ConfigurationError, match=r"The file of authorities .*/ca\.pem decides where secrets are sent"):
        load(tmp_path / "config.yaml")
