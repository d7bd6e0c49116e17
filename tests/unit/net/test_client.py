"""A session ends every call in time, reads no answer that is too large, and takes no secret elsewhere."""

from __future__ import annotations

import gzip
import time
import tracemalloc
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import requests

from rotator.net.adapter import BoundedAdapter, answers_of
from rotator.net.client import Session, host_of, location
from rotator.net.limits import Limits, Misleading, TooLarge
from tests.hostile.server import BROKEN, LARGE, MEGABYTE, SLOW, HostileServer, hostile_server, redirects, whole
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rotator.net.answer import Answer

TOTAL = 0.15
HASTY = Limits(connect=60.0, silence=0.1, total=TOTAL, size=MEGABYTE)
"""For answers that never end."""

LIMITS = Limits(connect=60.0, silence=60.0, total=120.0, size=MEGABYTE)
"""For all others, however busy the machine is."""

SMALL = replace(LIMITS, size=MEGABYTE // 4)


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with hostile_server() as listening:
        yield listening


@pytest.fixture
def session() -> Iterator[Session]:
    with closing(Session(LIMITS, user_agent="rotator/test")) as opened:
        yield opened


@pytest.fixture
def hasty() -> Iterator[Session]:
    with closing(Session(HASTY, user_agent="rotator/test")) as opened:
        yield opened


@pytest.mark.parametrize("way", SLOW)
def test_an_answer_that_never_ends_ends_in_time(server: HostileServer, hasty: Session, way: str) -> None:
    server.answer = SLOW[way]
    began = time.monotonic()
    with pytest.raises(requests.Timeout):
        hasty.post(server.url, data=b"asked")
    assert time.monotonic() - began < TOTAL + 60.0
    server.let_go()


@longer
@pytest.mark.parametrize("way", LARGE)
def test_an_answer_that_is_too_large_is_not_read(server: HostileServer, way: str) -> None:
    server.answer = LARGE[way]
    tracemalloc.start()
    try:
        # Some of it the libraries refuse by themselves.
        refusals = (TooLarge, requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
        with closing(Session(SMALL, user_agent="x")) as session, pytest.raises(refusals):
            session.get(server.url)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 * MEGABYTE
    server.let_go()


@pytest.mark.parametrize("way", BROKEN)
def test_whatever_is_no_answer_is_an_error_of_requests_or_an_answer(
    server: HostileServer, session: Session, way: str
) -> None:
    server.answer = BROKEN[way]
    try:
        assert len(session.get(server.url).content) < MEGABYTE
    except requests.RequestException as error:
        assert not isinstance(error, requests.Timeout)  # noqa: PT017 - any other is as good


@pytest.mark.parametrize("way", redirects(""))
def test_a_redirect_is_not_followed_and_takes_no_secret_with_it(
    server: HostileServer, session: Session, way: str
) -> None:
    with hostile_server() as elsewhere:
        server.answer = redirects(elsewhere.netloc)[way]
        answer = session.get(server.url, headers={"Authorization": "Bearer secret"}, data=b"secret")
        assert answer.status_code > 300
        assert host_of(location(answer)) in {"", elsewhere.netloc, server.netloc}
        assert elsewhere.requests == []


def test_a_redirect_is_followed_to_an_address_that_was_given(server: HostileServer) -> None:
    with hostile_server() as node, closing(Session(LIMITS, user_agent="x", redirects_to=[node.url])) as session:
        server.answer = redirects(node.netloc)["307 to 'http://HOST/'"]
        assert session.get(server.url, headers={"X-Vault-Token": "secret"}).content == b"{}"
        assert b"X-Vault-Token: secret" in node.requests[0]
        # Round and round it is not.
        node.answer = redirects(node.netloc)["307 to 'http://HOST/'"]
        with pytest.raises(requests.TooManyRedirects):
            session.get(server.url)


@pytest.mark.parametrize(
    ("status", "is_followed"), [(301, False), (302, False), (303, False), (307, True), (308, True)]
)
def test_a_write_arrives_as_a_write_or_not_at_all(server: HostileServer, status: int, *, is_followed: bool) -> None:
    with hostile_server() as node, closing(Session(LIMITS, user_agent="x", redirects_to=[node.url])) as session:
        server.answer = redirects(node.netloc)[f"{status} to 'http://HOST/'"]
        assert session.post(server.url, data=b"secret").status_code == (200 if is_followed else status)
        assert [request.partition(b" ")[0] for request in node.requests] == ([b"POST"] if is_followed else [])


def test_no_login_of_a_netrc_file_is_sent_on(
    server: HostileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with hostile_server() as node, closing(Session(LIMITS, user_agent="x", redirects_to=[node.url])) as session:
        server.answer = redirects(node.netloc)["307 to 'http://HOST/'"]
        assert session.get(server.url).content == b"{}"
        assert b"authorization" not in node.requests[0].lower()


def test_a_library_that_follows_by_itself_gets_an_error_instead_of_a_redirect(server: HostileServer) -> None:
    with hostile_server() as elsewhere, requests.Session() as session:
        session.mount("http://", BoundedAdapter(LIMITS))
        server.answer = redirects(elsewhere.netloc)["302 to 'http://HOST/'"]
        with pytest.raises(Misleading):
            session.get(server.url)
        assert elsewhere.requests == []


def test_an_answer_may_be_as_large_as_was_asked_for(server: HostileServer, session: Session) -> None:
    body = bytes(range(256)) * (8 * 1024)
    for packed in (False, True):
        sent = gzip.compress(body) if packed else body
        server.answer = whole(sent, headers={"Content-Encoding": "gzip"} if packed else {})
        with pytest.raises(TooLarge):
            session.get(server.url)
        with answers_of(3 * MEGABYTE):
            answer = session.get(server.url)
        assert answer.content == body
        assert "Content-Encoding" not in answer.headers


def test_answers_of_several_members_and_of_none_are_unpacked(server: HostileServer, session: Session) -> None:
    server.answer = whole(gzip.compress(b"one ") + gzip.compress(b"two"), headers={"Content-Encoding": "gzip"})
    assert session.get(server.url).content == b"one two"
    server.answer = whole(b"", headers={"Content-Encoding": "gzip"})
    assert session.get(server.url).content == b""


@pytest.mark.parametrize("address", ["https://a..b/", "https://[::1", "https://", "http://\ud800/", "ftp://x/"])
def test_an_address_that_is_none_is_an_error_of_requests(session: Session, address: str) -> None:
    with pytest.raises((requests.RequestException, ValueError)) as caught:
        session.get(address)
    assert isinstance(caught.value, requests.RequestException)


def test_time_is_left_for_the_next_call_over_the_same_connection(
    server: HostileServer, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = 0.0
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + passed)
    monkeypatch.setattr("rotator.net.exchange.time", clock)
    server.answer = whole(b"{}", headers={"Connection": "keep-alive"})
    server.keeps, before = True, len(server.requests)
    try:
        for _ in range(3):
            assert session.get(server.url).content == b"{}"
            passed += 2 * LIMITS.total
    finally:
        server.keeps = False
    assert len(server.requests) == before + 3


def test_what_calls_have_in_common_is_prepared_once_and_what_they_send_is_their_own(
    server: HostileServer, session: Session
) -> None:
    server.answer = whole(b"{}", headers={"Set-Cookie": "kept=1"})
    session.cookies.set("kept", "before")
    before = len(server.requests)
    for body, mark in ((b"<a/>", "1"), (b"", "2"), (b"<longer/>", "3")):
        assert session.post_bytes(server.url, body, {"X-Mark": mark}).content == b"{}"
    sent = [request.split(b"\r\n\r\n") for request in server.requests[before:]]
    assert [body for _, body in sent] == [b"<a/>", b"", b"<longer/>"]
    for number, (header, body) in enumerate(sent, 1):
        lines = header.split(b"\r\n")
        assert lines[0].startswith(b"POST / ")
        assert lines.count(f"Content-Length: {len(body)}".encode()) == 1
        assert [line for line in lines if line.startswith(b"X-Mark")] == [f"X-Mark: {number}".encode()]
        assert not [line for line in lines if line.startswith(b"Cookie")]


@pytest.mark.parametrize("way", SLOW)
def test_an_answer_to_such_a_call_ends_in_time_as_well(server: HostileServer, hasty: Session, way: str) -> None:
    server.answer = SLOW[way]
    began = time.monotonic()
    with pytest.raises(requests.Timeout):
        hasty.post_bytes(server.url, b"asked", {})
    assert time.monotonic() - began < TOTAL + 60.0
    server.let_go()


@pytest.mark.parametrize("way", [*LARGE, *BROKEN])
def test_such_a_call_ends_as_any_other(server: HostileServer, way: str) -> None:
    server.answer = {**LARGE, **BROKEN}[way]
    # A session each: whether the server has hung up after the first call already is another question.
    with closing(Session(SMALL, user_agent="a")) as one, closing(Session(SMALL, user_agent="b")) as other:
        ends = [
            end_of(lambda: one.post(server.url, b"a")),
            end_of(lambda: other.post_bytes(server.url, b"a", {})),
        ]
    server.let_go()
    assert ends[0] == ends[1]


@pytest.mark.parametrize("address", ["https://a..b/", "https://[::1", "https://", "http://\ud800/", "ftp://x/", "x"])
def test_such_a_call_to_no_address_ends_as_any_other(session: Session, address: str) -> None:
    for _ in range(2):
        assert end_of(lambda: session.post_bytes(address, b"", {})) == end_of(lambda: session.post(address, b""))


@pytest.mark.parametrize("way", redirects(""))
def test_such_a_call_is_not_redirected(server: HostileServer, way: str) -> None:
    with hostile_server() as node, closing(Session(LIMITS, user_agent="x", redirects_to=[node.url])) as session:
        server.answer = redirects(node.netloc)[way]
        answer = session.post_bytes(server.url, b"secret", {"Authorization": "Bearer secret"})
        assert answer.status_code == int(way.split(maxsplit=1)[0])
        assert answer.is_redirect
        assert host_of(location(answer)) in {"", node.netloc, server.netloc}
        assert node.requests == []


def test_the_answer_to_such_a_call_may_be_packed_and_as_large_as_was_asked_for(
    server: HostileServer, session: Session
) -> None:
    body = bytes(range(256)) * (8 * 1024)
    server.answer = whole(gzip.compress(body), headers={"Content-Encoding": "gzip"})
    with pytest.raises(TooLarge):
        session.post_bytes(server.url, b"", {})
    with answers_of(3 * MEGABYTE):
        answer = session.post_bytes(server.url, b"", {})
    assert answer.content == body
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-type"] == "application/json"


def test_such_calls_go_on_after_the_session_was_closed(server: HostileServer, session: Session) -> None:
    server.answer = whole(b"{}")
    for _ in range(2):
        assert session.post_bytes(server.url, b"", {}).content == b"{}"
        session.close()


def end_of(call: Callable[[], requests.Response | Answer]) -> object:
    """What a call came to: its answer, or the class of its error."""
    try:
        answer = call()
    except Exception as error:  # whatever ends the one is to end the other
        return type(error)
    return answer.status_code, answer.content, {name.lower(): answer.headers[name] for name in answer.headers}
