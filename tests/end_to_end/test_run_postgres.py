"""`rotator run` with its history in Postgres: a server that is away is waited for, a lost lock is taken again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests
from sqlalchemy import make_url

from tests.contract.servers.postgres import scratch_database
from tests.end_to_end.daemons import configured, running
from tests.end_to_end.places import hosted_place
from tests.tiers import thorough

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.contract.servers.postgres import PostgresServer

DAEMON = {"tick": "1s", "jitter": "0s", "inventory_every": "2s"}


@thorough
def test_a_server_that_is_away_is_waited_for_at_the_start_and_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_server: PostgresServer
) -> None:
    server = postgres_server
    with scratch_database(server.url("postgres")) as made, hosted_place(tmp_path / "place") as place:
        monkeypatch.setenv("DATABASE_PASSWORD", server.password)
        url = make_url(made)._replace(password=None).render_as_string()
        database = {"url": url, "password": {"env": "DATABASE_PASSWORD"}}
        config = configured(place, "shared", credentials={}, daemon=DAEMON, database=database)
        server.stop()
        with running(config) as daemon:
            daemon.logs("the history is away")
            daemon.hears("READY=1", more=False)
            pages = daemon.logs("pages are served")["url"]
            daemon.comes(lambda: requests.get(f"{pages}/healthz", timeout=60).status_code == 200)
            assert requests.get(f"{pages}/readyz", timeout=60).status_code == 503
            assert requests.get(f"{pages}/", timeout=60).status_code == 503
            server.start()
            daemon.logs("the lock was taken")
            daemon.logs("inventory ended", org="sandbox")

            server.stop()
            daemon.logs("the lock was lost")
            daemon.logs("what is due could not be found out")
            daemon.events.clear()
            server.start()
            daemon.logs("the lock was taken")
            daemon.logs("inventory ended", org="production")
            assert daemon.asked_to_stop() == 0
        assert server.password not in str(daemon.events) + str(daemon.told)
