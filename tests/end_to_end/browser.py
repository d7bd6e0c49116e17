"""Debian's Chromium on pages that are served on loopback."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import sync_playwright

from rotator.config.daemon import HttpSettings
from rotator.core.machines.fleet import Role
from rotator.history.engine.database import open_database
from rotator.services.machines.fleet_reader import MachinesShown
from rotator.services.reporting.reader import HistoryReader
from rotator.web.routes import application
from rotator.web.server import WebServer
from rotator.web.source import Liveness
from tests.unit.web import scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from playwright.sync_api import Browser

    from rotator.config.settings import Settings
    from rotator.core.machines.fleet import Fleet
    from rotator.history.engine.database import Database
    from rotator.services.reporting.overview import Overview


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, without a window."""
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("The status page is tried in a real browser: apt-get install chromium")
    with sync_playwright() as playwright:
        # Tests may run as root, as which Chromium's sandbox cannot be had.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class _WithMachines(HistoryReader):
    """Shows a history as if these machines shared it."""

    machines: MachinesShown | None = None

    def overview(self) -> Overview:
        return replace(super().overview(), machines=self.machines)


@contextmanager
def served(
    furnish: Callable[[Database], Settings], folder: Path, *, fleet: Callable[[datetime], Fleet] | None = None
) -> Iterator[str]:
    """The pages over a history, at the moment of the scene; the address. `fleet`: as if machines shared it."""
    alive = Liveness(
        started_at=scene.NOW,
        ticked_at=scene.NOW,
        since_tick=timedelta(seconds=3),
        tick=timedelta(seconds=15),
        lag=timedelta(0),
        is_working=True,
        role=Role.BOTH if fleet else None,
        takes_jobs=fleet is not None,
    )
    with open_database(f"sqlite:///{folder}/rotator.db") as database:
        settings = furnish(database)
        source = _WithMachines(lambda: settings, database, lambda: scene.NOW)
        source.machines = MachinesShown(fleet(scene.NOW)) if fleet else None
        http = HttpSettings(port=0)
        with WebServer(application(source, http, token=None, alive=lambda: alive), http) as server:
            yield server.url


def look(width: int, scheme: str) -> dict[str, Any]:
    """Options of a browser's context: a screen so wide, in light or dark."""
    return {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
