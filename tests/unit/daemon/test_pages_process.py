"""`rotator pages`: what it shows, what it tells systemd, and that it writes nothing."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING
from unittest.mock import MagicMock, Mock

import pytest

from rotator.application import Application
from rotator.config.loading import load
from rotator.daemon.pages_process import PagesProcess, serve_pages
from rotator.errors import ConfigurationError
from rotator.history.engine.database import open_configured, open_database
from rotator.program import utc_now
from rotator.services.schedule.jobs import LEADER_LOCK
from rotator.web.routes import application
from tests.tiers import longer
from tests.unit.daemon.conftest import PATIENCE, Heard
from tests.unit.web.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TICK = timedelta(milliseconds=20)
SANDBOX = """\
orgs:
  sandbox:
    login_url: https://example--uat.sandbox.my.salesforce.com
    login: {client_id: key, username: me@example.com, private_key: {file: management.pem}}
"""
Script = Iterator[signal.Signals | None]


class Pages:
    """A process of the pages beside a history that is the test's."""

    def __init__(self, config: Path, stack: ExitStack) -> None:
        self.config = config
        self.url = f"sqlite:///{config.parent}/rotator.db"
        settings = load(config)
        fast = settings.model_copy(update={"daemon": settings.daemon.model_copy(update={"tick": TICK})})
        app = stack.enter_context(Application(fast, environ={}, config=config))
        self.heard = Heard()
        history = stack.enter_context(open_database(self.url, only_reads=True))
        self.process = PagesProcess(app, history, self.heard, monotonic=time.monotonic)
        assert settings.http
        self.client = Client(application(self.process.source, settings.http, token=None, alive=self.process.liveness))

    def plays(self, script: Callable[[], Script]) -> None:
        """Runs it; the script yields the signals that come, and None where none does."""
        steps = script()
        self.process.run(lambda _seconds: next(steps))

    def come(self, is_so: Callable[[], object]) -> Script:
        """Lets it look around until it is so."""
        until = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < until, "it never came so far"
            time.sleep(0.002)
            yield None


@pytest.fixture
def pages(config: Path) -> Iterator[Pages]:
    with ExitStack() as stack:
        yield Pages(config, stack)


@longer
def test_it_waits_for_a_history_and_makes_none(pages: Pages, config: Path) -> None:
    def script() -> Script:
        yield from pages.come(lambda: pages.process.liveness().ticked_at)
        assert pages.client.get("/healthz").status == 200
        assert pages.client.get("/").status == 503
        assert "There is no history" in pages.client.get("/readyz").text
        assert sorted(path.name for path in config.parent.iterdir()) == ["config.yaml"]
        with open_database(pages.url) as database:
            database.upgrade()
        yield from pages.come(lambda: "no `rotator run` was seen at work" in pages.heard.told[-1])
        assert pages.client.get("/").status == 200
        yield signal.SIGTERM

    pages.plays(script)
    assert pages.heard.told[0] == "READY=1"
    assert "STOPPING=1" in pages.heard.told


@longer
def test_it_says_who_does_the_work_and_that_nobody_does(pages: Pages) -> None:
    def script() -> Script:
        with open_database(pages.url) as database:
            database.upgrade()
            with database.rotation_locks(utc_now).hold(LEADER_LOCK):
                yield from pages.come(lambda: "the work is done by process" in pages.heard.told[-1])
                ready = pages.client.get("/readyz").text
                assert "ok   worker: This process only reads; the work is done by process" in ready
                assert "ok   history: It can be read.\n" in ready
                assert "rotator_working 1.0" in pages.client.get("/metrics").text
            yield from pages.come(lambda: "no `rotator run` was seen" in pages.heard.told[-1])
        assert "FAIL worker: This process only reads; no `rotator run`" in pages.client.get("/readyz").text
        assert "rotator_working 0.0" in pages.client.get("/metrics").text
        assert "No service is at work" in pages.client.get("/").text
        # A supervisor that started this process anew would mend nothing.
        assert pages.client.get("/healthz").status == 200
        yield signal.SIGTERM

    pages.plays(script)


@longer
def test_a_configuration_that_is_read_again_counts_and_a_wrong_one_does_not(pages: Pages, config: Path) -> None:
    right = config.read_text()

    def script() -> Script:
        with open_database(pages.url) as database:
            database.upgrade()
        config.write_text(f"{right}nonsense: 1\n")
        yield signal.SIGHUP
        yield from pages.come(lambda: pages.heard.count("READY=1") == 2)
        assert "sandbox" not in pages.client.get("/orgs").text
        more = right.replace("orgs:\n", SANDBOX)
        config.write_text(more)
        yield signal.SIGHUP
        yield from pages.come(lambda: pages.heard.count("READY=1") == 3)
        assert "sandbox" in pages.client.get("/orgs").text
        yield signal.SIGTERM

    pages.plays(script)
    assert pages.heard.count("RELOADING=1") == 2


def test_the_log_has_where_they_are_served(
    config: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "rotator.daemon.pages_process")
    server = MagicMock()
    monkeypatch.setattr("rotator.daemon.pages_process.pages_server", lambda *_, **__: server)
    monkeypatch.setattr("rotator.daemon.pages_process.PagesProcess", Mock())
    with Application(load(config), environ={}) as app:
        serve_pages(app)
    assert [vars(each)["url"] for each in caplog.records] == [server.__enter__().url]


def test_it_asks_for_no_secret_of_a_channel_or_of_an_org_and_only_reads(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens = Mock(wraps=open_configured)
    monkeypatch.setattr("rotator.daemon.pages_process.open_configured", opens)
    channels = "{team: {type: slack-webhook, url: {env: WEBHOOK}}}"
    config.write_text(
        f"{config.read_text()}alerts: {{channels: {channels}}}\nhttp: {{host: 192.0.2.1, token: {{env: T}}}}\n"
    )
    with (
        Application(load(config), environ={"T": "JXoHUvtjpAeEBnwlLkGXCrdGtjKKyOtFqaEz1VxjWmg="}) as app,
        # All else is there; only the address is not this machine's.
        pytest.raises(ConfigurationError, match=r"cannot be served at 192\.0\.2\.1"),
    ):
        serve_pages(app)
    assert opens.call_args.kwargs == {"only_reads": True}


@pytest.mark.parametrize(
    ("http", "said"),
    [("http: null\n", "no pages"), ("http: {token: {env: MISSING}}\n", "MISSING is not set")],
)
def test_it_does_not_start_where_there_is_nothing_to_serve(config: Path, http: str, said: str) -> None:
    config.write_text(config.read_text() + http)
    with Application(load(config), environ={}) as app, pytest.raises(ConfigurationError, match=said):
        serve_pages(app)
