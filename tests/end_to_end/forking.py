"""A program that has imported `rotator`, and forks a child for every command: it starts in 5 ms and not in a second.

But for how it begins, such a child is a process like any other: with an id, streams, an environment and a folder of its
own, it takes signals and dies of them. It ends as Python ends, too, except that it does not take apart what is in
memory: that touches every page that it shares with its parent, and takes longer than most commands.
tests/end_to_end/processes.py asks for them.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import resource
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LARGEST_REQUEST: Final = 100_000
"""Bytes."""

_EXACT: Final = 0.001
"""Seconds."""

SET: Final = signal.SIGUSR1
"""The signal at which a process finds that its clock was set."""

_LATER: Final = (
    "_strptime",
    "alembic.command",
    "alembic.config",
    "anyio._backends._asyncio",
    "cryptography.hazmat.primitives.serialization.pkcs12",
    "encodings.ascii",
    "encodings.utf_8_sig",
    "jinja2",
    "rich._emoji_codes",
    "rotator.application",
    "rotator.cli.confirmation",
    "rotator.cli.output.check_lines",
    "rotator.cli.output.endings",
    "rotator.cli.output.inventory_table",
    "rotator.cli.output.plan_table",
    "rotator.cli.output.status_table",
    "rotator.cli.output.streams.plain",
    "rotator.cli.output.streams.rows",
    "rotator.cli.output.streams.terminal",
    "rotator.cli.runs",
    "rotator.core.crypto.key_formats",
    "rotator.core.crypto.keystores",
    "rotator.core.crypto.signatures",
    "rotator.core.posture.facts",
    "rotator.daemon.dispatch.shared_queue",
    "rotator.daemon.log_repeats",
    "rotator.daemon.pages_process",
    "rotator.daemon.start",
    "rotator.history.engine.upgrades",
    "rotator.history.journal.unended",
    "rotator.history.locks.fence",
    "rotator.history.opening",
    "rotator.hooks.command",
    "rotator.salesforce.access.admitted_users",
    "rotator.salesforce.access.app_settings",
    "rotator.salesforce.access.last_uses",
    "rotator.salesforce.access.org_access",
    "rotator.salesforce.access.org_records",
    "rotator.salesforce.access.required_sessions",
    "rotator.salesforce.apps.acceptance",
    "rotator.salesforce.apps.org_apps",
    "rotator.salesforce.inventory.retrieval",
    "rotator.salesforce.kept_answers",
    "rotator.salesforce.writing.component_writer",
    "rotator.services.hooks.hook_states",
    "rotator.services.inventory.live_apps",
    "rotator.services.posture.auditing",
    "rotator.services.posture.org_facts",
    "rotator.services.preflight",
    "rotator.services.revocation.revoker",
    "rotator.services.rotation.export",
    "rotator.services.rotation.plan",
    "rotator.services.rotation.rotation_service",
    "rotator.services.stored_logins",
    "rotator.services.usage.noted_logins",
    "rotator.services.usage.users_before",
    "rotator.stores.fenced_store",
    "rotator.stores.files.plugin",
    "rotator.stores.files.settings",
    "rotator.stores.files.store",
    "rotator.stores.vault.store",
    "simple_salesforce",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.h11_impl",
)
"""What commands and the service import when they run, besides their own modules."""


def imported() -> Mapping[str, Callable[[], int]]:
    """The console scripts, and Python, by name, with everything in memory that they use."""
    from rotator.cli.main import COMMANDS, main, rotate_main  # noqa: PLC0415 - only this program itself imports it

    for command in COMMANDS.values():
        command.load()
    for module in (*_LATER, "time_machine"):
        import_module(module)
    _build_what_is_built_once()
    gc.freeze()
    return {"rotator": main, "rotate": rotate_main, "python": _run_given}


def _run_given() -> int:
    """What `python -c PROGRAM ARGUMENTS` does."""
    del sys.argv[0]
    program = sys.argv[1]
    del sys.argv[1]
    exec(program, {"__name__": "__main__"})  # noqa: S102 - a test's own
    return 0


def _build_what_is_built_once() -> None:
    """What reads a config.yaml takes an eighth of what a command does, and the first page a tenth of a second."""
    from rotator.config.section import ChannelSettings, Section, StoreSettings  # noqa: PLC0415 - as above
    from rotator.config.settings import Settings  # noqa: PLC0415
    from rotator.web.templates import compile_first_page  # noqa: PLC0415

    read: list[type[Section]] = [Settings, StoreSettings, *StoreSettings.__subclasses__(), ChannelSettings]
    for model in read:
        model.model_rebuild()
    compile_first_page()


def fork_for_each(control: socket.socket) -> Any:
    """Forks a child for every request, and ends when no more can come. Returns in the child only, with its request."""
    while True:
        text, streams, *_ = socket.recv_fds(control, LARGEST_REQUEST, 3)
        if not text:
            _reap(0)
            sys.exit()
        if os.fork() == 0:
            control.close()
            _guard(*streams)
            return json.loads(text)
        for stream in streams:
            os.close(stream)
        _reap(os.WNOHANG)


def _guard(out: int, err: int, status: int) -> None:
    """Forks once more. The child returns, with its streams in place; its parent tells its id, and how it ended."""
    child = os.fork()
    if child == 0:
        os.close(status)
        _speak(out, err)
        return
    os.close(out)
    os.close(err)
    os.write(status, b"%d\n" % child)
    _, ended = os.waitpid(child, 0)
    os.write(status, b"%d\n" % os.waitstatus_to_exitcode(ended))
    os._exit(0)


def _speak(out: int, err: int) -> None:
    """Python's own streams, made as at its start: those that were imported know what they wrote to before."""
    for stream, its_place in ((out, 1), (err, 2)):
        os.dup2(stream, its_place)
        os.close(stream)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)


def _reap(options: int) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, options) != (0, 0):
            pass


def _become(
    command: list[str],
    environ: Mapping[str, str],
    folder: str,
    largest_file: int | None,
    open_files: list[int] | None,
    clock: str | None,
    patience: float | None,
) -> None:
    sys.argv = command
    sys.path[:0] = filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    if open_files is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files[0], open_files[1]))
    if patience is not None:
        vars(import_module("rotator.salesforce.metadata"))["PATIENCE"] = patience
    if clock is None:
        signal.signal(SET, signal.SIG_DFL)
    else:
        _live_by(Path(clock))


def _live_by(clock: Path) -> None:
    """Has every wall clock in this process be wrong by the seconds in the file, which is read again at a signal.

    The machine's own clock is everybody's. Monotonic clocks stay as they are, as they do when it is set.
    """
    import time_machine  # noqa: PLC0415 - `imported` has it in memory

    moving = time_machine.travel(datetime.now(UTC), tick=True).start()

    def is_set(*_: object) -> None:
        off, right = float(clock.read_text()), time_machine.escape_hatch.time.time
        while True:
            before, shown, after = right(), time.time(), right()
            # On a busy machine much may pass between two readings, and the clock would be wrong by that.
            if after - before < _EXACT:
                break
        moving.shift(before + off - shown)

    signal.signal(SET, is_set)
    # At its very end Python has the handler go, and it would die of the signal.
    atexit.register(signal.signal, SET, signal.SIG_IGN)
    is_set()


def _run(script: Callable[[], int]) -> int:
    """The exit code of a console script that was run to its end; raises whatever Python has to tell of at its own."""
    try:
        return script()
    except SystemExit as asked:
        if isinstance(asked.code, int):
            return asked.code
        raise


def _end(code: int) -> None:
    """Does what Python does before it takes everything apart: waits for threads, calls what is registered, flushes."""
    threading._shutdown()  # type: ignore[attr-defined] # there is no other name for it
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    scripts = imported()
    # Ctrl-C is for the tests, and for the children that they interrupt.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A clock may be set before a child listens; it reads how much it is wrong when it does.
    signal.signal(SET, signal.SIG_IGN)
    request = fork_for_each(socket.socket(fileno=int(sys.argv[1])))
    # As in a terminal, though the tests may run in the background or under nohup, where these are ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    _become(**request)
    _end(_run(scripts[sys.argv[0]]))
