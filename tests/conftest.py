"""What holds for all tests, and the servers that those of one worker share."""

# ruff: noqa: PLC0415 - most tests need no server, and its libraries take long to import

from __future__ import annotations

import atexit
import gc
import logging
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.tiers import of_tier

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from rotator.history.engine.database import Database
    from tests.contract.servers.postgres import PostgresServer
    from tests.contract.servers.vault import VaultProcess
    from tests.contract.stores.aws.stores import AwsServer
    from tests.wsdl import Watch

# Dozens of Python processes take part in a run. Where none of them may keep bytecode, each compiles the same sources
# anew: 0.1 seconds in every start of the program, and 5 in every process that collects the tests.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# No file of a test has to outlive a loss of power, and to wait for the disk takes as long as the work. So they are kept
# in memory where there is room for all of them: a container may have 64 MB there.
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - folders of others' names are made there by tempfile
_ROOM = 4 * 1024**3
if "TMPDIR" not in os.environ and os.access(_IN_MEMORY, os.W_OK) and shutil.disk_usage(_IN_MEMORY).free > _ROOM:
    os.environ["TMPDIR"] = tempfile.tempdir = str(_IN_MEMORY)

# To look for garbage as often as Python does by itself takes a seventh of the time of tests. Before the program is
# imported, which goes back to what it found (`rotator.process`).
gc.set_threshold(10_000, 50, 100)

# What a command keeps for its user is kept for nobody after the run.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="rotator-tests-state-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

# A test that is slow on a busy machine has not failed. Property tests without a number of their own have this one.
settings.register_profile("rotator", deadline=None, max_examples=of_tier(12, thorough=100))
settings.load_profile("rotator")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: to look for garbage in it would take a third of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


_SET_BY_THE_SERVICE = [
    (logger, logger.level, logger.propagate)
    for logger in map(logging.getLogger, ("rotator", "urllib3", "requests", "apscheduler"))
]


@pytest.fixture(scope="session", autouse=True)
def _key_pairs_are_made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from tests.key_pairs import KeyPairs

    own = tmp_path_factory.getbasetemp()
    folder = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rsa, "generate_private_key", KeyPairs(folder / "key-pairs").make)
        yield


@pytest.fixture(scope="session")
def metadata_watch() -> Iterator[Watch]:
    """Looks at every call of the Metadata API that the program makes to a simulated org."""
    from tests.wsdl import Watch

    watch = Watch()
    with pytest.MonkeyPatch.context() as patch:
        watch.put_on(patch)
        yield watch


@pytest.fixture(autouse=True)
def _metadata_calls_are_valid_by_the_wsdl(metadata_watch: Watch) -> Iterator[None]:
    metadata_watch.taken()
    yield
    assert metadata_watch.taken() == []


@pytest.fixture(autouse=True)
def _loggers_say_as_much_as_at_first() -> None:
    """A service in the tests' own process sets up logging for good; the next test is another program."""
    for logger, level, propagate in _SET_BY_THE_SERVICE:
        if logger.level != level:
            # It has every logger forget what it is to say.
            logger.setLevel(level)
        logger.propagate = propagate


@pytest.fixture(scope="session", autouse=True)
def _what_starts_processes_ends_with_the_last_of_them() -> Iterator[None]:
    yield
    if started := sys.modules.get("tests.end_to_end.processes"):
        started.end()


@pytest.fixture
def signals_as_in_a_terminal() -> Iterator[None]:
    """Ctrl-C and a hang-up do what they do to a program in the foreground.

    A shell in a script has what it starts in the background ignore SIGINT, and nohup SIGHUP: the whole run of the
    tests, perhaps.
    """
    on_interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    on_hang_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, on_interrupt)
    signal.signal(signal.SIGHUP, on_hang_up)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a history with all its tables and nothing in them, to be copied: to make them takes 0.2 seconds."""
    from rotator.history.engine.database import open_database

    file = tmp_path_factory.mktemp("migrated") / "rotator.db"
    with open_database(f"sqlite:///{file}") as database:
        database.upgrade()
    return file


@pytest.fixture(scope="session")
def empty_history(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Callable[[], Database]]:
    """Empties a history that has all its tables. One engine serves all tests: it has compiled their statements."""
    from rotator.history.engine.database import open_database

    file = tmp_path_factory.mktemp("history") / "rotator.db"
    with open_database(f"sqlite:///{file}") as database:

        def emptied() -> Database:
            database.close()
            shutil.copy(migrated_file, file)
            # What the test before met in its rows would be told of by this one.
            database.unreadable.take()
            return database

        yield emptied


@pytest.fixture
def database(empty_history: Callable[[], Database]) -> Iterator[Database]:
    """A history with nothing in it."""
    database = empty_history()
    yield database
    database.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server that tests may stop, if they start it again."""
    from tests.contract.servers.postgres import running_server

    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a database on that server with all tables and nothing in them, for others to be copies of."""
    from tests.contract.servers.postgres import migrated_scratch, name_of

    with migrated_scratch(postgres_server.url("postgres")) as url:
        yield name_of(url)


@pytest.fixture(scope="session")
def dev_vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultProcess]:
    """A Vault in dev mode."""
    from tests.contract.servers.vault import dev_server

    with dev_server(tmp_path_factory.mktemp("vault")) as server:
        yield server


@pytest.fixture(scope="session")
def aws_server() -> Iterator[AwsServer]:
    """An address that answers like AWS."""
    from tests.contract.stores.aws.stores import running_aws

    with running_aws() as server:
        yield server
