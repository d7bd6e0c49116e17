from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from unittest.mock import MagicMock, Mock, call

import pytest

from rotator.application import Application
from rotator.core.attempts import AttemptRecord
from rotator.core.machines.fleet import Role
from rotator.daemon.start import _STOP_CHECK, _check_role, _serve_pages, _shared, _wait, run_once, serve
from rotator.daemon.workers import STOP_TIMEOUT, Workers
from rotator.errors import ConfigurationError, HistoryError, HistoryUnavailable
from rotator.services.schedule.cycle import CycleResult
from rotator.services.schedule.jobs import CycleEnd, Job, JobKind, label_of
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
    told = [vars(record) for record in caplog.records if "why" in vars(record)]
    assert [(each["what"], each["why"], each["hint"]) for each in told] == [
        (f"{label_of(attempt.kind)} {attempt.name}", attempt.problem, attempt.hint) for attempt in failing
    ]


def test_a_cycle_is_over_when_all_that_is_due_has_had_its_turn() -> None:
    """Where more is due than may run at once, too."""
    ended: list[int] = []

    def job() -> None:
        threading.Event().wait(0.005)
        ended.append(1)

    assert once(*[job] * 6) is CycleEnd.WELL
    assert len(ended) == 6


def test_asked_to_stop_a_cycle_waits_for_rotations_as_long_as_they_take_and_not_so_for_the_rest() -> None:
    workers, answers = Mock(**{"wait.return_value": False}), iter([False, True])
    _wait(workers, lambda: next(answers))
    assert workers.mock_calls == [
        call.wait(set(JobKind), _STOP_CHECK),
        call.drop_waiting(),
        call.wait({JobKind.ROTATE}),
        call.wait(set(JobKind), STOP_TIMEOUT),
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
        with pytest.raises(ConfigurationError, match="`--role worker` leaves the rest to other machines") as refused:
            serve(app, with_pages=False, exit_at_once=never, role=Role.WORKER)
        assert refused.value.effect == "Nothing was started."
        assert "keep the history in Postgres" in refused.value.hint
    config.write_text(config.read_text().replace("rotator.db", "rotatr.db"))
    with Application.configured(config, {}) as app, pytest.raises(HistoryError, match="used another before"):
        serve(app, with_pages=False, exit_at_once=never)
    assert not config.with_name("rotatr.db").exists()


def test_a_service_is_begun_with_what_was_said_when_it_was_started(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, shared = Mock(), Mock()
    monkeypatch.setattr("rotator.daemon.start.Service", service)
    monkeypatch.setattr("rotator.daemon.start._shared", shared)
    apart = Mock()
    monkeypatch.setattr("rotator.daemon.start.upgrade_apart", apart)
    monkeypatch.setattr("rotator.history.engine.database.Database.upgrade", lambda _database: None)
    for of_the_process in ("keep_memory_together", "keep_what_is_loaded", "raise_file_limit"):
        monkeypatch.setattr(f"rotator.daemon.start.{of_the_process}", Mock())
    with Application.configured(config, {}) as app:
        serve(app, with_pages=False, exit_at_once=never, at_once={JobKind.ROTATE: 7})
        assert apart.mock_calls == [call(app.settings.database, app.environ)]
    given = service.call_args.kwargs
    assert (given["at_once"], given["share"]) == ({JobKind.ROTATE: 7}, shared.return_value)
    assert service.return_value.run.called


def test_a_history_on_a_server_is_shared_by_machines_of_every_role(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Mock()
    monkeypatch.setattr("rotator.daemon.dispatch.shared_queue.SharedQueue", shared)
    app, threads = Mock(is_one_of_many=False), Mock()
    app.settings.database.url = "postgresql://rotator@db.example/rotator"
    _check_role(app.settings, Role.WORKER)
    make = _shared(app, Role.WORKER)
    assert make
    make(threads)
    assert app.is_one_of_many
    assert shared.mock_calls == [call(threads, jobs=app.jobs, role=Role.WORKER, now=app.now, monotonic=time.monotonic)]


@pytest.mark.parametrize(("orgs", "is_prepared"), [(200, False), (201, True)])
def test_what_pages_show_is_prepared_for_many_orgs_and_takes_no_memory_for_few(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, orgs: int, *, is_prepared: bool
) -> None:
    caplog.set_level("INFO", "rotator.daemon.start")
    server, service, left_alone = MagicMock(), Mock(), Mock()
    service.pages.prepare = left_alone
    monkeypatch.setattr("rotator.web.server.pages_server", lambda *_, **_options: server)
    with ExitStack() as stack:
        _serve_pages(Mock(settings=Mock(orgs=range(orgs))), service, stack, 100)
    assert service.pages.prepare is (server.prepare if is_prepared else left_alone)
    assert vars(caplog.records[-1])["url"] is server.__enter__().url
    assert not server.prepare.called


def never(_end: CycleEnd) -> NoReturn:
    raise AssertionError("it has begun nothing")
