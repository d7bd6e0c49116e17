"""Each kind of channel with the server that it speaks to, so that one contract can be tried on all."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rotator.alerts.plugins import channel_plugin, open_channel
from rotator.entry_points import Surroundings
from rotator.testing.messages import MOMENT
from tests.contract.servers.mail import PASSWORD, USERNAME, MailServer, mail_server
from tests.contract.servers.silence import FOR_GOOD
from tests.contract.servers.slack import CHANNEL, TOKEN, WEBHOOK, FakeSlack, Ordered, fake_slack, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.alerts.base import Channel


class Ground(Protocol):
    """A channel that works, what has arrived, and its bad days."""

    secret: str
    tells_lasting: bool
    """It tells what only a person can mend from what may pass."""

    def open(self, *, port: int | None = None, **changes: Any) -> Channel:
        """The channel; `changes` are to its settings, `port` is one where nobody listens."""
        ...

    def arrived(self) -> list[str]:
        """One text for each message that people can see."""
        ...

    def refuse(self, *, lasting: bool) -> None:
        """The next message is refused."""
        ...

    def accept(self) -> None:
        """It has a good day again."""
        ...

    def hang(self) -> None:
        """The next message gets no answer."""
        ...

    def lose_answer(self) -> None:
        """The next message arrives, and its answer does not."""
        ...


class SlackGround:
    """A bot."""

    secret = TOKEN
    tells_lasting = True

    def __init__(self, server: FakeSlack, folder: Path) -> None:
        self.server = server
        self.ca = folder / "ca.pem"
        self.ca.write_text(server.ca)

    def at(self, port: int | None) -> str:
        """Address of the server, or of nobody."""
        return f"{self.server.scheme}://127.0.0.1:{port}" if port else self.server.address

    def open(self, *, port: int | None = None, **changes: Any) -> Channel:
        settings = {
            "type": "slack",
            "token": {"env": "SECRET"},
            "channel": CHANNEL,
            "api_url": f"{self.at(port)}/api/",
            "ca": self.ca,
        }
        return _open(settings | changes, TOKEN)

    def arrived(self) -> list[str]:
        assert self.server.refused == []
        return [str(posted.content) for posted in self.server.posted]

    def refuse(self, *, lasting: bool) -> None:
        self.server.ordered.append(refusal("invalid_auth") if lasting else Ordered(status=500, body="oops"))

    def accept(self) -> None:
        self.server.ordered.clear()

    def hang(self) -> None:
        self.server.ordered.append(Ordered(hangs=True))

    def lose_answer(self) -> None:
        self.server.ordered.append(Ordered(breaks=True, takes_effect=True))


class WebhookGround(SlackGround):
    """A webhook."""

    secret = WEBHOOK

    def open(self, *, port: int | None = None, **changes: Any) -> Channel:
        settings = {"type": "slack-webhook", "url": {"env": "SECRET"}, "ca": self.ca}
        return _open(settings | changes, f"{self.at(port)}{WEBHOOK}")

    def open_at(self, url: str) -> Channel:
        """The channel at another address."""
        return _open({"type": "slack-webhook", "url": {"env": "SECRET"}}, url)

    def refuse(self, *, lasting: bool) -> None:
        self.server.ordered.append(Ordered(403, "invalid_token") if lasting else Ordered(500, "rollup_error"))


class AppriseGround(SlackGround):
    """Apprise, by the one of its services that posts JSON anywhere; to a path that takes anything."""

    secret = "planted-apprise-password"
    tells_lasting = False

    def open(self, *, port: int | None = None, **changes: Any) -> Channel:
        address = self.at(port).removeprefix("http://")
        url = f"json://rotator:{self.secret}@{address}/take/?:version=1"
        return _open({"type": "apprise", "url": {"env": "SECRET"}} | changes, url)

    def arrived(self) -> list[str]:
        return [str(posted) for posted in self.server.taken]

    def refuse(self, *, lasting: bool) -> None:
        self.server.ordered.append(Ordered(status=403 if lasting else 500))


class MailGround:
    """A mail server with STARTTLS and a login."""

    secret = PASSWORD
    tells_lasting = True

    def __init__(self, server: MailServer, folder: Path) -> None:
        self.server = server
        self.ca = folder / "ca.pem"
        self.ca.write_text(server.ca)

    def open(self, *, port: int | None = None, **changes: Any) -> Channel:
        settings = {
            "type": "email",
            "host": "127.0.0.1",
            "port": port or self.server.port,
            "username": USERNAME,
            "password": {"env": "SECRET"},
            "sender": "rotator@example.com",
            "to": ["ops@example.com"],
            "ca": self.ca,
        }
        return _open(settings | changes, self.secret)

    def arrived(self) -> list[str]:
        return [_shown(mail) for mail in self.server.arrived]

    def refuse(self, *, lasting: bool) -> None:
        self.server.refused["ops@example.com"] = "550 5.1.1 unknown" if lasting else "451 4.7.1 later"

    def accept(self) -> None:
        self.server.refused.clear()

    def hang(self) -> None:
        self.server.delay = FOR_GOOD

    def lose_answer(self) -> None:
        self.server.loses_answer = True


def _shown(mail: Any) -> str:
    return f"{mail['Subject']}\n{mail.get_body(('plain',)).get_content()}"


def _open(settings: dict[str, Any], secret: str) -> Channel:
    read = channel_plugin(settings["type"]).settings().model_validate(settings)
    return open_channel("ops", read, Surroundings({"SECRET": secret}, now=lambda: MOMENT))


@contextmanager
def ground_of(kind: str, folder: Path) -> Iterator[Ground]:
    """The ground of one kind of channel."""
    if kind == "email":
        with mail_server("starttls", login=True) as mail:
            yield MailGround(mail, folder)
        return
    kinds = {"slack": SlackGround, "slack-webhook": WebhookGround, "apprise": AppriseGround}
    with fake_slack(tls=kind != "apprise") as slack:
        yield kinds[kind](slack, folder)
