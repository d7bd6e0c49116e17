"""Calls to an org fail in a person's words, and go where the configuration says."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization

import rotator
from rotator.core.secret import Secret
from rotator.errors import ConfigurationError, OrgError, OrgUnavailable
from rotator.net.limits import Limits
from rotator.salesforce.transport import AnswerLost, Transport, server_time
from rotator.simulator.wire.answers import Answer
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.contract.servers import ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.simulator.org.org import Org
    from rotator.simulator.serving.server import SimulatorServer

Call = Callable[[Transport, str], int]
TOKEN = Secret("00D000000000001!opaque")


def userinfo(org: Org) -> str:
    return f"{org.url}/services/oauth2/userinfo"


def get(transport: Transport, url: str) -> int:
    """Over requests."""
    return transport.get(url, token=TOKEN).status_code


def post_bytes(transport: Transport, url: str) -> int:
    """Over urllib3 alone."""
    return transport.post_bytes(url, b"").status_code


both_ways = pytest.mark.parametrize("call", [get, post_bytes])


@pytest.fixture
def free_port() -> int:
    return ports.free_port()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """Starts a server that handles each connection with a function, and gives its port."""
    with ExitStack() as stack:

        def start(handle: Callable[[socket.socket], None]) -> int:
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            thread = threading.Thread(target=_accept, args=(server, handle), daemon=True)
            thread.start()
            stack.callback(thread.join, 5.0)
            stack.callback(server.shutdown, socket.SHUT_RDWR)
            return int(server.getsockname()[1])

        yield start


def _accept(server: socket.socket, handle: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with closing(connection):
            try:
                handle(connection)
            except OSError:
                continue


def tunnel(connection: socket.socket, asked: list[str]) -> None:
    """An HTTPS proxy for one connection (RFC 9110 section 9.3.6)."""
    request = connection.recv(65536).decode()
    asked.append(request.split()[1])
    host, _, port = asked[-1].rpartition(":")
    with socket.create_connection((host, int(port))) as onward:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=_pump, args=(onward, connection), daemon=True)
        back.start()
        _pump(connection, onward)
        back.join(60.0)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    while data := source.recv(65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


def test_every_call_names_the_program_and_its_version(production: Org, transport: Transport) -> None:
    response = transport.get(userinfo(production), token=TOKEN)
    assert response.request.headers["User-Agent"] == f"rotator/{rotator.__version__}"


def test_threads_may_share_a_transport(production: Org, simulator: SimulatorServer) -> None:
    threads, together = 8, threading.Barrier(8)

    def call(transport: Transport) -> list[int]:
        together.wait()
        return [transport.get(userinfo(production), token=TOKEN).status_code for _ in range(3)]

    with closing(Transport(ca=simulator.ca_file)) as shared, ThreadPoolExecutor(threads) as pool:
        assert [*pool.map(call, [shared] * threads)] == [[403] * 3] * threads


def test_the_clock_of_the_org_is_read_from_its_answer(production: Org, transport: Transport) -> None:
    told = server_time(transport.get(userinfo(production), token=TOKEN))
    assert told is not None
    assert abs(told - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize("header", [None, "yesterday", ""])
def test_an_answer_without_a_readable_date_tells_no_time(
    production: Org, transport: Transport, header: str | None
) -> None:
    response = transport.get(userinfo(production), token=TOKEN)
    del response.headers["Date"]
    if header is not None:
        response.headers["Date"] = header
    assert server_time(response) is None


@both_ways
def test_a_server_that_does_not_listen_certainly_did_not_get_the_request(
    call: Call, transport: Transport, free_port: int
) -> None:
    with pytest.raises(
        OrgUnavailable, match=r"cannot be reached: connection refused\. Nothing was changed\."
    ) as caught:
        call(transport, f"https://127.0.0.1:{free_port}/")
    assert not isinstance(caught.value, AnswerLost)


@both_ways
def test_a_name_that_does_not_resolve_is_said(call: Call, transport: Transport) -> None:
    with pytest.raises(OrgUnavailable, match=r"no-such-org\.invalid cannot be reached"):
        call(transport, "https://no-such-org.invalid/")


@both_ways
def test_a_server_that_accepts_no_connection_in_time_certainly_did_not_get_the_request(
    call: Call,
    simulator: SimulatorServer,
) -> None:
    # A full backlog: the kernel lets further connections wait.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as stack:
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        hasty = Transport(ca=simulator.ca_file, limits=Limits(connect=0.1, silence=0.1))
        with pytest.raises(OrgUnavailable, match="no connection within the time-out") as caught:
            call(hasty, f"https://127.0.0.1:{full.getsockname()[1]}/")
        assert not isinstance(caught.value, AnswerLost)


def test_an_answer_that_does_not_come_in_time_is_lost(production: Org, impatient: Transport) -> None:
    production.faults.add(Fault(Kind.TOKEN, Effect.HANG))
    with pytest.raises(AnswerLost, match="gave no answer"):
        impatient.post(f"{production.url}/services/oauth2/token", {})


def test_a_connection_that_breaks_after_the_request_loses_the_answer(production: Org, transport: Transport) -> None:
    production.faults.add(Fault(Kind.TOKEN, Effect.LOSE_ANSWER))
    with pytest.raises(AnswerLost, match="gave no answer"):
        transport.post(f"{production.url}/services/oauth2/token", {})


@both_ways
def test_an_answer_that_breaks_off_is_lost(
    call: Call, transport: Transport, simulator: SimulatorServer, serve: Callable[..., int]
) -> None:
    context = simulator._authority.server_context(datetime.now(UTC))

    def half_an_answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65536)
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    with pytest.raises(AnswerLost):
        call(transport, f"https://127.0.0.1:{serve(half_an_answer)}/")


@both_ways
def test_an_untrusted_certificate_is_answered_with_advice_to_set_ca(call: Call, production: Org) -> None:
    with pytest.raises(OrgError, match="is not trusted: unable to get local issuer certificate") as caught:
        call(Transport(), userinfo(production))
    assert not isinstance(caught.value, OrgUnavailable)
    assert "Set `ca`" in caught.value.hint


@both_ways
def test_a_certificate_for_another_host_is_told_apart_from_an_untrusted_one(
    call: Call, pair: Any, tmp_path: Path, serve: Callable[..., int]
) -> None:
    bundle, key = tmp_path / "elsewhere.pem", tmp_path / "elsewhere.key"
    bundle.write_text(pair.certificate.pem)
    key.write_bytes(
        pair.key.signing_key().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, key)

    def shake_hands(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True).close()

    with pytest.raises(OrgError, match="is for another host"):
        call(Transport(ca=bundle), f"https://127.0.0.1:{serve(shake_hands)}/")


@both_ways
def test_a_server_that_speaks_no_tls_loses_the_answer(
    call: Call, transport: Transport, serve: Callable[..., int]
) -> None:
    with pytest.raises(AnswerLost):
        call(transport, f"https://127.0.0.1:{serve(lambda connection: connection.sendall(b'hello'))}/")


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_bundle_that_cannot_be_used_is_a_mistake_of_the_configuration(tmp_path: Path, content: str | None) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_text(content)
    with pytest.raises(ConfigurationError, match=r"The CA bundle .*ca\.pem cannot be used"):
        Transport(ca=bundle)


def test_a_redirect_is_not_followed(production: Org, transport: Transport) -> None:
    moved = Answer(302, b"", "text/plain", {"Location": "https://elsewhere.example/services/oauth2/token"})
    production.faults.add(Fault(Kind.TOKEN, Effect.FAIL, answer=moved))
    with pytest.raises(OrgError, match=r"redirects to elsewhere\.example"):
        transport.post(f"{production.url}/services/oauth2/token", {})


@both_ways
def test_an_address_that_is_none_is_said(call: Call, transport: Transport) -> None:
    with pytest.raises(OrgError, match="cannot be called"):
        call(transport, "ftp://127.0.0.1/")


@both_ways
def test_a_proxy_that_is_away_is_told_apart_from_the_org(
    call: Call, production: Org, simulator: SimulatorServer, free_port: int
) -> None:
    through = Transport(ca=simulator.ca_file, proxy=f"http://user:hidden@127.0.0.1:{free_port}")
    with pytest.raises(OrgUnavailable, match="the proxy does not answer") as caught:
        call(through, userinfo(production))
    assert "hidden" not in str(caught.value)


@both_ways
def test_a_proxy_that_refuses_says_so_in_its_own_code(
    call: Call, production: Org, simulator: SimulatorServer, serve: Callable[..., int]
) -> None:
    port = serve(lambda connection: refuse(connection, "407 Proxy Authentication Required"))
    with (
        closing(Transport(ca=simulator.ca_file, proxy=f"http://127.0.0.1:{port}")) as through,
        pytest.raises(OrgUnavailable, match=r"the proxy refuses \(407 Proxy Authentication Required\)"),
    ):
        call(through, userinfo(production))


def refuse(connection: socket.socket, status: str) -> None:
    """A proxy that opens no tunnel."""
    connection.recv(65536)
    connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())


@both_ways
def test_a_proxy_of_another_kind_is_named(
    call: Call, production: Org, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5h://127.0.0.1:9")
    with pytest.raises(OrgError, match="SOCKS proxy, which is not supported") as caught:
        call(transport, userinfo(production))
    assert "HTTPS_PROXY" in caught.value.hint


@both_ways
def test_calls_go_through_the_configured_proxy_whatever_the_environment_says(
    call: Call,
    production: Org,
    simulator: SimulatorServer,
    serve: Callable[..., int],
    free_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    port = serve(lambda connection: tunnel(connection, asked))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port}")
    with closing(Transport(ca=simulator.ca_file, proxy=f"http://127.0.0.1:{port}")) as through:
        assert call(through, userinfo(production)) in {401, 403}
    assert asked == [production.url.removeprefix("https://")]


@both_ways
def test_without_a_configured_proxy_the_environment_decides(
    call: Call, production: Org, transport: Transport, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port}")
    with pytest.raises(OrgUnavailable, match="the proxy does not answer"):
        call(transport, userinfo(production))


@both_ways
def test_the_configured_ca_holds_against_the_environment(
    call: Call, production: Org, transport: Transport, tmp_path: Path, pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.pem"
    other.write_text(pair.certificate.pem)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    assert call(transport, userinfo(production)) in {401, 403}


@both_ways
def test_a_file_of_authorities_that_is_not_there_is_said(
    call: Call, production: Org, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    with closing(Transport()) as transport, pytest.raises(OrgError, match="authorities") as told:
        call(transport, userinfo(production))
    assert "REQUESTS_CA_BUNDLE" in told.value.hint


def test_a_netrc_file_does_not_replace_the_token(
    production: Org, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    response = transport.get(userinfo(production), token=TOKEN)
    assert response.request.headers["Authorization"] == f"Bearer {TOKEN.reveal()}"


def test_no_error_of_a_call_shows_the_token(production: Org, impatient: Transport) -> None:
    production.faults.add(Fault(Kind.USERINFO, Effect.HANG))
    with pytest.raises(OrgError) as caught:
        impatient.get(userinfo(production), token=TOKEN)
    assert TOKEN.reveal() not in json.dumps([str(caught.value), repr(caught.value), repr(caught.value.__cause__)])


def test_a_call_is_logged_by_its_path_and_status_alone(
    production: Org, transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="rotator")
    transport.get(f"{userinfo(production)}?access_token=hush", token=TOKEN)
    (record,) = [record for record in caplog.records if record.name == "rotator.salesforce.transport"]
    assert record.getMessage() == f"GET {production.url.removeprefix('https://')}/services/oauth2/userinfo"
    assert vars(record)["status"] in {401, 403}
    assert "hush" not in str(vars(record))
    assert TOKEN.reveal() not in str(vars(record))
