"""A consumer says which version it last logged in with: by a token of its own, in one line, and sees nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from rotator.config.daemon import HttpSettings
from rotator.core.secret import Secret
from rotator.errors import ConfigurationError, HistoryUnavailable
from rotator.history.usage.consumer_reports import ConsumerReports
from rotator.services.reporting.reader import HistoryReader
from rotator.web.routes import application
from tests.unit.web import scene
from tests.unit.web.client import Client

if TYPE_CHECKING:
    from rotator.history.engine.database import Database
    from rotator.web.source import Liveness

TOKEN: Final = "Zm9ydHktdHdvIHJhbmRvbSBieXRlcyBvZiBiYXNlNjQ"
LINE: Final = f"{'a' * 64} 2026-11-23T11:00:00Z"
ADDRESS: Final = "/reports/billing/batch"


@pytest.fixture
def database(company_database: Database) -> Database:
    return company_database


def pages(database: Database, alive: Liveness, *, token: str | None = TOKEN, of_pages: str | None = None) -> Client:
    settings = scene.company_settings()
    billing = settings.credentials["billing"].model_copy(update={"consumers": ("batch",)})
    settings = settings.model_copy(update={"credentials": {**settings.credentials, "billing": billing}})
    source = HistoryReader(lambda: settings, database, lambda: scene.NOW)
    reports = Secret(token) if token else None
    shown = Secret(of_pages) if of_pages else None
    return Client(application(source, HttpSettings(), token=shown, alive=lambda: alive, reports_token=reports))


def noted(database: Database) -> dict[str, str]:
    found = ConsumerReports(database).all().get("billing", ())
    return {each.consumer: each.fingerprint for each in found}


def post(client: Client, line: str | bytes = LINE, *, address: str = ADDRESS, token: str = TOKEN) -> int:
    body = line if isinstance(line, bytes) else line.encode()
    return client.post(address, body, authorization=f"Bearer {token}").status


def test_what_a_consumer_says_is_noted(database: Database, alive: Liveness) -> None:
    client = pages(database, alive)
    assert post(client) == 204
    assert noted(database) == {"batch": "a" * 64}
    [report] = ConsumerReports(database).all()["billing"]
    assert (report.via, report.noted_at, report.logged_in_at) == ("post", scene.NOW, scene.NOW - timedelta(hours=1))
    assert post(client, LINE.replace("a" * 64, "b" * 64).replace("11:00", "11:30")) == 204
    assert noted(database) == {"batch": "b" * 64}


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xff"])
def test_without_its_token_nothing_is_taken(database: Database, alive: Liveness, given: str) -> None:
    answer = pages(database, alive).post(ADDRESS, LINE.encode(), authorization=given)
    assert (answer.status, noted(database)) == (401, {})


def test_the_token_of_the_pages_is_not_theirs_and_theirs_opens_no_page(database: Database, alive: Liveness) -> None:
    client = pages(database, alive, of_pages="another token, as long as the other one is")
    assert post(client, token="another token, as long as the other one is") == 401
    assert client.get("/", authorization=f"Bearer {TOKEN}").status == 401
    assert client.get(ADDRESS, authorization=f"Bearer {TOKEN}").status == 401
    assert post(client) == 204


def test_where_no_token_is_configured_there_is_no_such_address(database: Database, alive: Liveness) -> None:
    assert post(pages(database, alive, token=None)) == 405


@pytest.mark.parametrize("address", ["/", "/alerts", "/reports", "/reportsx/billing/batch"])
def test_nothing_else_takes_anything(database: Database, alive: Liveness, address: str) -> None:
    assert post(pages(database, alive), address=address) == 405


@pytest.mark.parametrize(
    "address", ["/reports/billing/nobody", "/reports/nothing/batch", "/reports/billing", "/reports/billing/batch/more"]
)
def test_only_consumers_of_the_configuration_are_noted(database: Database, alive: Liveness, address: str) -> None:
    assert post(pages(database, alive), address=address) == 404
    assert noted(database) == {}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "a" * 64,
        f"{'A' * 64} 2026-11-23T11:00:00Z",
        f"{'a' * 63} 2026-11-23T11:00:00Z",
        f"{'a' * 64} yesterday at noon",
        f"{'a' * 64} 2026-11-23T11:00:00",
        f"{'a' * 64} 0000-00-00T00:00:00Z",
        f"{'a' * 64} 0001-01-01T00:00:00+14:00",
        f"{LINE}\n{LINE}",
        b"\xff" * 85,
    ],
)
def test_what_is_no_report_is_refused(database: Database, alive: Liveness, line: str | bytes) -> None:
    assert post(pages(database, alive), line) == 400
    assert noted(database) == {}


def test_more_than_a_line_is_not_read(database: Database, alive: Liveness) -> None:
    client = pages(database, alive)
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert client.post(ADDRESS, *([b"x" * 100] * 1000), **bearer).status == 413
    assert client.post(ADDRESS, b"x" * 10_000_000, **bearer).status == 413
    assert client.post(ADDRESS, LINE[:40].encode(), LINE[40:].encode(), **bearer).status == 204


def test_the_same_is_written_once_a_minute_and_what_is_older_not_at_all(database: Database, alive: Liveness) -> None:
    client = pages(database, alive)
    post(client)
    before = ConsumerReports(database).all()
    for line in (LINE.replace("11:00:00", "11:00:59"), f"{'b' * 64} 2026-11-23T10:00:00Z"):
        assert post(client, line) == 204
    assert ConsumerReports(database).all() == before


def test_a_time_to_come_is_now(database: Database, alive: Liveness) -> None:
    client = pages(database, alive)
    post(client, f"{'b' * 64} 2999-01-01T00:00:00Z")
    [report] = ConsumerReports(database).all()["billing"]
    assert report.logged_in_at == scene.NOW


def test_pages_that_only_read_and_a_history_that_is_away_say_so(
    database: Database, alive: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert post(pages(database, replace(alive, only_reads=True))) == 503
    client = pages(database, alive)

    def away(*_: object, **__: object) -> bool:
        raise HistoryUnavailable("It is away.")

    monkeypatch.setattr(ConsumerReports, "note", away)
    assert post(client) == 503


def test_a_token_that_can_be_guessed_is_refused() -> None:
    settings = HttpSettings.model_validate({"reports_token": {"env": "REPORTS"}})
    with pytest.raises(ConfigurationError, match="can be guessed"):
        settings.token_of_reports({"REPORTS": "secret"})
    assert settings.token_of_reports({"REPORTS": TOKEN}) is not None
    assert HttpSettings().token_of_reports({}) is None
