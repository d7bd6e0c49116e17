from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url

from rotator.errors import ConfigurationError
from rotator.history.engine.database import open_database
from rotator.history.engine.postgres import checked, open_engine

if TYPE_CHECKING:
    from pathlib import Path

SERVER = "postgresql+psycopg://rotator@db.example/rotator"


def asked_of_the_driver(url: str, lock_timeout: timedelta = timedelta(seconds=15)) -> dict[str, Any]:
    """The parameters that a connection is made with."""
    engine, seen = open_engine(make_url(url), lock_timeout), dict[str, Any]()

    class Seen(Exception):
        """Instead of a connection."""

    def connect(*_: Any, **parameters: Any) -> Any:
        seen.update(parameters)
        raise Seen

    engine.dialect.connect = connect  # type: ignore[method-assign] # no server is called
    with pytest.raises(Seen):
        engine.connect()
    return seen


def test_a_server_that_is_gone_is_noticed() -> None:
    asked = asked_of_the_driver(SERVER)
    assert asked["connect_timeout"] == 10
    assert asked["keepalives_idle"] + asked["keepalives_interval"] * asked["keepalives_count"] <= 60
    assert asked["tcp_user_timeout"] == 60_000


def test_a_server_ends_the_session_of_a_machine_that_is_gone() -> None:
    options = asked_of_the_driver(SERVER)["options"]
    for setting in ("tcp_keepalives_idle=30", "idle_in_transaction_session_timeout=60s", "statement_timeout=60s"):
        assert f"-c {setting}" in options
    assert "-c lock_timeout=1500ms" in asked_of_the_driver(SERVER, timedelta(seconds=1.5))["options"]


def test_what_the_url_says_goes_before_what_we_say() -> None:
    given = "?connect_timeout=3&sslmode=verify-full&options=-c%20search_path%3Drotator&application_name=x"
    asked = asked_of_the_driver(SERVER + given)
    assert str(asked["connect_timeout"]) == "3"
    assert asked["sslmode"] == "verify-full"
    assert asked["application_name"] == "x"
    assert asked["options"].endswith(" -c search_path=rotator")


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_both_ways_to_write_the_scheme_mean_the_same_driver(scheme: str) -> None:
    assert checked(make_url(f"{scheme}://rotator@db.example/rotator")).drivername == "postgresql+psycopg"


def test_a_url_must_name_the_database() -> None:
    with pytest.raises(ConfigurationError, match="names a server and no database"):
        checked(make_url("postgresql://rotator@db.example"))


@pytest.mark.parametrize(
    ("url", "variables", "leads"),
    [
        ("postgresql://rotator@localhost/rotator", {"PGHOSTADDR": "192.0.2.7"}, "192.0.2.7"),
        ("postgresql:///rotator", {"PGHOST": "db.example"}, "db.example"),
        ("postgresql:///rotator", {"PGSERVICE": "crm"}, "db2.example"),
        ("postgresql://rotator@localhost/rotator", {"PGHOST": "db.example"}, ""),
        ("postgresql:///rotator", {"PGHOST": "/run/postgresql"}, ""),
        ("postgresql:///rotator?sslmode=verify-full", {"PGHOST": "db.example"}, ""),
        ("postgresql:///rotator", {"PGSERVICE": "unknown"}, ""),
    ],
)
def test_the_environment_leads_to_no_server_that_proves_nothing(
    url: str, variables: dict[str, str], leads: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "services").write_text("[crm]\nhost=db2.example\n")
    for name, value in {"PGSERVICEFILE": str(tmp_path / "services"), **variables}.items():
        monkeypatch.setenv(name, value)
    if not leads:
        open_database(url).close()
        return
    with pytest.raises(ConfigurationError, match=f"leads the history database to {leads} ") as refused:
        open_database(url)
    assert "sslmode=verify-full" in refused.value.hint
    open_database(url, insecure=True).close()
