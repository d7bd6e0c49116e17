"""Runs simulated orgs over TLS on loopback, each on a port of its own, in a background thread."""

from __future__ import annotations

import socket
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from rotator.errors import ConfigurationError
from rotator.simulator.org.addresses import LOGIN_HOSTS
from rotator.simulator.serving.application import LoginServers, OrgApplication
from rotator.simulator.serving.authority import CertificateAuthority
from rotator.threaded_server import ThreadedServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from rotator.simulator.org.org import Org

HOST: Final = "127.0.0.1"


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


_RIGHT_TO_LISTEN: Final = (
    "A port below 1024 takes the right to: start it as root, or let everybody with "
    "`sysctl net.ipv4.ip_unprivileged_port_start=443`; else give another --port."
)


class _Server(ThreadedServer):
    """Leaves without waiting for clients that keep a connection open, and can cut one."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)

    def break_connection(self, request: Request) -> None:
        """Cuts a request's connection: the client sees it reset, and no answer."""
        for connection in tuple(self.server_state.connections):
            # The connection that came from this client's port is this request's.
            if connection.transport.get_extra_info("peername") == request.scope["client"]:
                connection.transport.abort()


class SimulatorServer:
    """Simulated orgs that answer while the `with` block runs.

    `orgs` are served on `port`, `port` + 1 and so on; port 0 takes free ones. Their `url` is set, `ca_file` is what
    clients must trust. An org is also reached under its host names (Addresses.hosts), at each of the ports, and the
    generic login servers are there with them; the server's certificate has all these names. Raises ConfigurationError
    when a port is taken.
    """

    def __init__(
        self,
        orgs: Sequence[Org],
        *,
        port: int = 0,
        authority: CertificateAuthority | None = None,
    ) -> None:
        self.orgs: Final = tuple(orgs)
        self._first_port: Final = port
        self._authority: Final = authority or CertificateAuthority.create(utc_now())

    @property
    def ca_pem(self) -> str:
        """The certificate of the authority that clients must trust."""
        return self._authority.pem

    @property
    def ca_file(self) -> Path:
        """A file with `ca_pem`, while the server runs."""
        return self._folder / "ca.pem"

    def org(self, name: str) -> Org:
        """An org by its name. Raises KeyError when there is none."""
        return {org.name: org for org in self.orgs}[name]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="simulated-org-")))
            self.ca_file.write_text(self.ca_pem)
            sockets = [stack.enter_context(self._bind(index)) for index in range(len(self.orgs))]
            by_port = {bound.getsockname()[1]: org for bound, org in zip(sockets, self.orgs, strict=True)}
            for port, org in by_port.items():
                org.url = f"https://{HOST}:{port}"
                org.neighbours = tuple(each for each in self.orgs if each is not org)
            self._run(by_port, sockets, stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def _bind(self, index: int) -> socket.socket:
        port = self._first_port + index if self._first_port else 0
        # asyncio sets TCP_NODELAY only where the protocol is named; without it every answer waits 40 ms for an ACK.
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((HOST, port))
        except OSError as error:
            bound.close()
            is_refused = isinstance(error, PermissionError)
            raise ConfigurationError(
                f"The simulated org cannot listen on {HOST}:{port}: {error.strerror}.",
                effect="Nothing was started.",
                hint=_RIGHT_TO_LISTEN if is_refused else "Give another --port, or 0 for a free one.",
            ) from None
        return bound

    def _run(self, by_port: dict[int, Org], sockets: list[socket.socket], stack: ExitStack) -> None:
        context = self._authority.server_context(utc_now(), names_of(self.orgs))
        applications: dict[int | str, ASGIApp] = {}
        server = _Server(
            _dispatch(applications),
            sockets,
            name="simulated-org",
            ssl_context_factory=lambda _config, _default: context,
        )
        for port, org in by_port.items():
            applications[port] = OrgApplication(org, server.break_connection).starlette()
            applications.update(dict.fromkeys(org.addresses.hosts, applications[port]))
        if any(org.addresses.hosts for org in self.orgs):
            login_servers = LoginServers(self.orgs, server.break_connection).starlette()
            applications.update(dict.fromkeys(LOGIN_HOSTS.values(), login_servers))
        stack.enter_context(server)


def _dispatch(applications: dict[int | str, ASGIApp]) -> ASGIApp:
    """By the host that the client asked for, where it is one of ours, else by the port."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").partition(":")[0].lower()
        application = applications.get(host) or applications[scope["server"][1]]
        await application(scope, receive, send)

    return dispatch


def names_of(orgs: Sequence[Org]) -> list[str]:
    """The host names that the server's certificate needs: those of the orgs, and Salesforce's own beside them."""
    names = [host for org in orgs for host in org.addresses.hosts]
    if any(name.endswith(".salesforce.com") for name in names):
        names += ["*.my.salesforce.com", "*.sandbox.my.salesforce.com", *LOGIN_HOSTS.values()]
    return list(dict.fromkeys(names))
