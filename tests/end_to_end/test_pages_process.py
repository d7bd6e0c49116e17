"""`rotator pages` beside a `rotator run` that serves none: what one does the other shows, and only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from tests.end_to_end.daemons import Daemon, configured, running
from tests.end_to_end.places import Place, hosted_place
from tests.end_to_end.processes import start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with hosted_place(tmp_path_factory.mktemp("place")) as place:
        yield place


def page(pages: Daemon, path: str) -> requests.Response:
    return requests.get(pages.logs("pages are served")["url"] + path, timeout=60)


def test_the_service_works_and_another_process_shows_it(place: Place) -> None:
    config = configured(
        place, "apart", credentials={}, http={"port": 0, "process": "own"}, database="sqlite:///apart.db"
    )
    with running(config, command="pages") as pages:
        assert "STATUS=" in pages.hears("READY=1", more=False)
        assert [page(pages, path).status_code for path in ("/healthz", "/readyz")] == [200, 503]
        assert not (place.folder / "apart.db").exists()
        with running(config) as daemon:
            daemon.logs("pages are left to `rotator pages`")
            daemon.logs("inventory ended", org="production")
            daemon.logs("inventory ended", org="sandbox")
            # Not by what it tells systemd: nobody has read that meanwhile, and the queue holds ten.
            pages.comes(lambda: "the work is done by process" in page(pages, "/readyz").text)
            pages.comes(lambda: [page(pages, path).status_code for path in ("/healthz", "/readyz", "/")] == [200] * 3)
            assert "Billing" in page(pages, "/certificates").text
            assert "rotator_working 1.0" in page(pages, "/metrics").text
            assert daemon.asked_to_stop() == 0
        assert not daemon.has_logged("pages are served")
        pages.comes(lambda: "no `rotator run` was seen at work" in page(pages, "/readyz").text)
        assert page(pages, "/").status_code == 200
        assert pages.asked_to_stop() == 0
    assert pages.events[-1]["event"] == "ended"


def test_where_there_are_to_be_no_pages_there_are_none(place: Place) -> None:
    config: Path = configured(place, "none", credentials={}, http=None, database="sqlite:///none.db")
    with running(config) as daemon:
        daemon.logs("no pages are served")
        daemon.hears("READY=1", more=False)
        assert daemon.asked_to_stop() == 0
    assert not daemon.has_logged("pages are served")
    ran = start("rotator", "pages", "--config", config).ran()
    assert (ran.code, "`http` in config.yaml is null" in ran.err) == (2, True)
