from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from unittest.mock import MagicMock, Mock

import pytest

from rotator.application import Application
from rotator.core.attempts import AttemptRecord
from rotator.daemon.start import _serve_pages, run_once, serve
from rotator.daemon.workers import Workers
from rotator.errors import HistoryError, HistoryUnavailable
from rotator.services.schedule.cycle import CycleResult
from rotator.services.schedule.jobs import CycleEnd, Job, JobKind
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import NoReturn

AWAY = AttemptRecord("look", "production", failures=1, problem="The org is away.")
HOPELESS = AttemptRecord("rotate", "billing", failures=3, lasting=3, problem="The app is gone.")


def nothing() -> None:
    """All is well."""


def fault() -> None:
    raise ZeroDivisionError


def unrecorded() -> None:
    raise HistoryUnavailable("The history is away.", hint="Wait.")


def once(
    *jobs: Callable[[], None], failing: Sequence[AttemptRecord] = (), stop_asked: Callable[[], bool] = lambda: False
) -> CycleEnd:
    """The end of a cycle with these jobs, of which these failed."""

    def whole_cycle(run_all: Callable[[Sequence[Job]], None]) -> CycleResult:
        run_all([Job(JobKind.INVENTORY, str(number), job) for number, job in enumerate(jobs)])
        return CycleResult(tuple(failing))

    @contextmanager
    def lead() -> Iterator[None]:
        yield

    daemon_run = Mock(lead=lead)
    daemon_run.cycle.once = whole_cycle
    return run_once(daemon_run, Workers({JobKind.INVENTORY: 4}, monotonic=lambda: 0.0), stop_asked)


@pytest.mark.parametrize(
    ("jobs", "failing", "end"),
    [
        ([nothing, nothing], [], CycleEnd.WELL),
        ([nothing], [AWAY], CycleEnd.AWAY),
        ([nothing], [AWAY, HOPELESS], CycleEnd.ATTENTION),
        ([fault], [], CycleEnd.ATTENTION),
        ([unrecorded], [], CycleEnd.AWAY),
    ],
)
def test_the_end_says_whether_all_is_well(
    jobs: list[Callable[[], None]], failing: list[AttemptRecord], end: CycleEnd, caplog: pytest.LogCaptureFixture
) -> None:
    assert once(*jobs, failing=failing) is end
    assert [record.__dict__["why"] for record in caplog.records if "why" in vars(record)] == [
        attempt.problem for attempt in failing
    ]


def test_asked_to_stop_it_begins_nothing_more_and_says_so() -> None:
    begun: list[int] = []
    assert once(lambda: begun.append(1), stop_asked=lambda: True) is CycleEnd.INTERRUPTED
    assert begun == []


def test_a_request_to_stop_is_seen_while_jobs_run() -> None:
    asked = [False]

    def ask() -> None:
        asked[0] = True

    assert once(ask, stop_asked=lambda: asked[0]) is CycleEnd.INTERRUPTED


@longer
def test_a_slip_in_database_makes_no_history_when_the_service_starts(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both change the process for good, and this one is that of all tests.
    for of_the_process in ("keep_memory_together", "raise_file_limit"):
        monkeypatch.setattr(f"rotator.daemon.start.{of_the_process}", Mock())
    with Application.configured(config, {}) as app:
        assert app.database.version
    config.write_text(config.read_text().replace("rotator.db", "rotatr.db"))
    with Application.configured(config, {}) as app, pytest.raises(HistoryError, match="used another before"):
        serve(app, with_pages=False, exit_at_once=never)
    assert not config.with_name("rotatr.db").exists()


@pytest.mark.parametrize(("orgs", "is_prepared"), [(200, False), (201, True)])
def test_what_pages_show_is_prepared_for_many_orgs_and_takes_no_memory_for_few(
    monkeypatch: pytest.MonkeyPatch, orgs: int, *, is_prepared: bool
) -> None:
    server, service, left_alone = MagicMock(), Mock(), Mock()
    service.pages.prepare = left_alone
    monkeypatch.setattr("rotator.web.server.pages_server", lambda *_, **_options: server)
    with ExitStack() as stack:
        _serve_pages(Mock(settings=Mock(orgs=range(orgs))), service, stack, 100)
    assert service.pages.prepare is (server.prepare if is_prepared else left_alone)
    assert not server.prepare.called


def never(_end: CycleEnd) -> NoReturn:
    raise AssertionError("it has begun nothing")
