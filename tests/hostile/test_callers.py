"""Whatever answers, who called gets an error of ours or an answer, in time and in little room; no secret goes on."""

from __future__ import annotations

import resource
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import cycle
from typing import TYPE_CHECKING, Final, TypeVar

import pytest

from rotator.core.logins import LoginOutcome
from rotator.errors import RotatorError
from rotator.simulator.serving.authority import CertificateAuthority
from tests.hostile import shapes
from tests.hostile.callers import PATIENT, TOKEN, TOTAL, Callers
from tests.hostile.server import BROKEN, LARGE, MEGABYTE, SLOW, HostileServer, hostile_server, redirects, whole
from tests.hostile.soap import ENVELOPES
from tests.tiers import more_in_thorough, of_tier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.hostile.server import Connection

_T = TypeVar("_T")

CALLERS: Final = tuple(Callers("", None).all())  # type: ignore[arg-type] # nothing is called
SOAP: Final = ("describe", "list", "read")
MOST_MEMORY: Final = 200 * MEGABYTE

pytestmark = more_in_thorough


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority.create(datetime.now(UTC))


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    """Without TLS, which costs more than all the rest, and hides nothing from who answers."""
    with hostile_server() as listening:
        yield listening


@pytest.fixture(scope="module")
def ca(authority: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file: Path = tmp_path_factory.mktemp("authority") / "ca.pem"
    file.write_text(authority.pem)
    return file


@pytest.fixture(scope="module")
def callers(server: HostileServer, ca: Path) -> Callers:
    return Callers(server.url, ca)


@pytest.fixture(scope="module")
def patient(server: HostileServer, ca: Path) -> Callers:
    return Callers(server.url, ca, PATIENT)


@pytest.fixture(scope="module")
def secure(authority: CertificateAuthority) -> Iterator[HostileServer]:
    with hostile_server(authority.server_context(datetime.now(UTC))) as listening:
        yield listening


@contextmanager
def bounded(name: str, way: str, *, calls: int = 4) -> Iterator[None]:
    """Nothing but errors of ours is raised in it, and not for ever after it began; none of them quotes a secret."""
    began = time.monotonic()
    try:
        yield
    except RotatorError as error:
        told = f"{error} {error.__cause__!r} {error.__context__!r}"
        assert TOKEN.reveal() not in told, (name, way)
        assert str(error).isprintable(), (name, way)  # noqa: PT017
    took = time.monotonic() - began
    assert took < calls * TOTAL + 60.0, (name, way, took)


def some(of_all: Sequence[_T], name: str, share: int) -> Sequence[_T]:
    """In the standard tier one of so many, for each caller others; tests/unit/net tries all with what they call by."""
    return of_all[CALLERS.index(name) % share :: of_tier(share, thorough=1)]


def each(ways: Mapping[str, Callable[[Connection], None]], server: HostileServer) -> Iterator[str]:
    for way, answer in ways.items():
        server.answer = answer
        yield way
        server.let_go()


@pytest.mark.parametrize("name", CALLERS)
def test_no_answer_that_drips_holds_anybody(name: str, callers: Callers, server: HostileServer) -> None:
    ways = some(("says nothing", "drips headers", "drips a body without a length", "drips chunks"), name, 4)
    for way in each({way: SLOW[way] for way in ways}, server):
        with bounded(name, way):
            callers.all()[name]()


@pytest.mark.parametrize("name", CALLERS)
def test_no_answer_without_end_takes_memory(name: str, callers: Callers, server: HostileServer) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for way in each({way: LARGE[way] for way in some([*LARGE], name, 4)}, server):
        with bounded(name, way):
            callers.all()[name]()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < MOST_MEMORY


@pytest.mark.parametrize("name", CALLERS)
def test_no_answer_that_is_none_ends_the_program(name: str, callers: Callers, server: HostileServer) -> None:
    for way in each({way: BROKEN[way] for way in some([*BROKEN], name, 3)}, server):
        with bounded(name, way):
            callers.all()[name]()


@pytest.mark.parametrize("name", CALLERS)
def test_no_redirect_takes_a_secret_elsewhere(name: str, callers: Callers, server: HostileServer) -> None:
    with hostile_server() as elsewhere:
        ways = redirects(elsewhere.netloc)
        for way in each({way: ways[way] for way in some([*ways], name, 7)}, server):
            with bounded(name, way):
                callers.all()[name]()
        assert elsewhere.requests == []


@pytest.mark.parametrize("name", CALLERS)
def test_each_caller_calls(name: str, patient: Callers, server: HostileServer) -> None:
    """Or the other tests would show nothing."""
    server.requests.clear()
    server.answer = whole(b"no")
    with bounded(name, "no"):
        patient.all()[name]()
    assert server.requests


@pytest.mark.parametrize("name", [name for name in CALLERS if name not in SOAP])
def test_no_answer_of_another_shape_ends_the_program(name: str, callers: Callers, server: HostileServer) -> None:
    refusals = cycle((400, 404, 500, 503))
    for body in some(shapes.JSON, name, 5):
        for status in (200, next(refusals)):
            server.answer = whole(body, status=status)
            with bounded(name, f"{status} {body[:40]!r}"):
                callers.all()[name]()


@pytest.mark.parametrize("name", SOAP)
def test_no_envelope_of_another_shape_ends_the_program(name: str, callers: Callers, server: HostileServer) -> None:
    for status in (200, 500):
        for envelope in some(ENVELOPES, name, 2):
            server.answer = whole(envelope, status=status, kind="text/xml; charset=UTF-8")
            with bounded(name, f"{status} {envelope[:200]!r}"):
                callers.all()[name]()


def test_no_token_goes_where_the_org_has_no_host(secure: HostileServer, ca: Path) -> None:
    callers = Callers(secure.url, ca, PATIENT)
    for body in shapes.TOKENS:
        secure.requests.clear()
        secure.answer = whole(body.replace("PORT", str(secure.port)).encode())
        with bounded("proof", body):
            callers.prove()
        assert [b"services/oauth2/token" in request for request in secure.requests] == [True]


@pytest.mark.parametrize(
    "date",
    [
        "Thu, 26 Nov 99999999999999999999 08:00:00 GMT",
        "Thu, 26 Nov 2026 08:00:00 -0000",
        "Thu, 26 Nov 2026 99:99:99 GMT",
        "Thu, 26 Nov 2026 08:00:00 +99999999999",
        "Thu, 31 Feb 0 08:00:00 GMT",
        ",,,,",
        "\xff",
    ],
)
def test_no_date_ends_the_program(date: str, secure: HostileServer, ca: Path) -> None:
    body = f'{{"access_token": "t", "instance_url": "{secure.url}", "id": "x/00D/005"}}'.encode()
    secure.answer = whole(body, headers={"Date": date})
    callers = Callers(secure.url, ca, PATIENT)
    assert callers.prove().outcome is LoginOutcome.CONFIGURATION
    callers.consumer()
