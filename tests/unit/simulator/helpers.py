"""A clock that stands still, and calls of the Metadata API without a server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from rotator.core.crypto.certificates import Certificate, PrivateKey
from rotator.simulator.metadata.api import perform
from rotator.simulator.metadata.call import MetadataCall
from rotator.simulator.wire.soap import ENVELOPE, INSTANCE, METADATA, SoapCall

if TYPE_CHECKING:
    from lxml import etree

    from rotator.simulator.org.org import Org

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KeyPair = tuple[PrivateKey, Certificate]


@dataclass
class StandingClock:
    """A clock that moves only when a test moves it."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def seeded(seed: int = 1) -> Random:
    """Chance that comes out the same in every run."""
    return Random(seed)


def envelope(body: str, session_id: str = "", headers: str = "") -> bytes:
    """A request envelope around the body's XML."""
    return (
        f'<e:Envelope xmlns:e="{ENVELOPE}" xmlns="{METADATA}" xmlns:xsi="{INSTANCE}"><e:Header>'
        f"<SessionHeader><sessionId>{session_id}</sessionId></SessionHeader>{headers}</e:Header>"
        f"<e:Body>{body}</e:Body></e:Envelope>"
    ).encode()


def session_of(org: Org, username: str = "admin@acme.example", app: str = "Management") -> str:
    """An access token for a user."""
    return org.start_session(org.users[username], org.app(app)).token


def call(org: Org, body: str, *, version: str = "63.0", headers: str = "", lose: bool = False) -> etree._Element:
    """Performs one call as the management user; returns the element inside the answer's body."""
    request = SoapCall.parse(envelope(body, session_of(org), headers))
    answer = perform(MetadataCall.open(org, request, version, lose_certificate=lose))
    return answer[0][0]


def texts(element: etree._Element, name: str) -> list[str | None]:
    """Texts of all elements of this name, anywhere inside."""
    return [found.text for found in element.iter(f"{{{METADATA}}}{name}")]


def update_of(org: Org, app: str, changes: dict[str, str | None] | None = None, *, version: str = "63.0") -> str:
    """An updateMetadata of the app as it is read, without the consumer key; `changes` replace texts or drop them."""
    record = call(
        org, f"<readMetadata><type>ConnectedApp</type><fullNames>{app}</fullNames></readMetadata>", version=version
    )
    parts = "".join(_rendered(child, {"consumerKey": None, **(changes or {})}) for child in record[0][0])
    return f'<updateMetadata><metadata xsi:type="ConnectedApp">{parts}</metadata></updateMetadata>'


def _rendered(element: etree._Element, changes: dict[str, str | None]) -> str:
    name = element.tag.rpartition("}")[2]
    text = changes.get(name, element.text)
    if name in changes and text is None:
        return ""
    inner = "".join(_rendered(child, changes) for child in element) if len(element) else text or ""
    return f"<{name}>{inner}</{name}>"
