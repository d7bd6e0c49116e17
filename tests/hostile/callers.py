"""Everything of the program that calls something over HTTP, each made to call one address, in a hurry."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

from rotator.alerts.heartbeat import send_heartbeat
from rotator.alerts.plugins import open_channel
from rotator.config.plugins import channel_settings
from rotator.consumer.dual_key import DualKeyLogin
from rotator.core.retry import Waiting
from rotator.core.secret import Secret
from rotator.entry_points import Surroundings
from rotator.net.limits import MEGABYTE, Limits
from rotator.salesforce import rest
from rotator.salesforce.apps.connected_app import app_of
from rotator.salesforce.login import LoginTarget, log_in, prove, userinfo
from rotator.salesforce.metadata import MetadataService
from rotator.salesforce.session import OrgSession
from rotator.salesforce.transport import Transport
from rotator.stores.aws.access import AwsAccess, AwsClients
from rotator.stores.aws.consumer_reader import AwsReader
from rotator.stores.aws.policy import Ground
from rotator.stores.aws.secrets_manager import AwsCalls
from rotator.stores.aws.store import AwsStore, NewSecrets
from rotator.stores.vault.auth import AppRoleLogin, TokenLogin
from rotator.stores.vault.http import VaultHttp, VaultServer
from rotator.stores.vault.store import VaultStore
from rotator.stores.vault.token import VaultSession
from rotator.testing.messages import message
from rotator.testing.versions import make_version
from tests.contract.servers.strict_aws import REGION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import requests

    from rotator.core.credentials import KeyVersion
    from rotator.core.logins import LoginAnswer
    from rotator.stores.vault.auth import VaultLogin

TOTAL: Final = 0.3
LIMITS: Final = Limits(connect=60.0, silence=0.2, total=TOTAL, size=MEGABYTE)
PATIENT: Final = Limits(connect=60.0, silence=60.0, total=60.0, size=MEGABYTE)
"""Where the answer comes, however busy the machine is."""
ONCE: Final = Waiting(0.0)
TOKEN: Final = Secret("planted-secret-token")


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class _Open(OrgSession):
    """A session that nobody had to open."""

    def __init__(self, url: str, transport: Transport) -> None:
        super().__init__("org", transport, list, now)
        self._url: Final = url

    def call(self, operation: Callable[[str, Secret], Any]) -> Any:
        return operation(self._url, TOKEN)


class _Plain(Transport):
    """Takes what is asked of an address with TLS to one without, as the server here is."""

    def request(self, method: str, url: str, *, size: int | None, **options: Any) -> requests.Response:
        return super().request(method, url.replace("https:", "http:"), size=size, **options)


@cache
def version() -> KeyVersion:
    """A credential; only its address is looked at."""
    return make_version()


class Callers:
    """Calls the server at `url`, whose authority is in `ca`. Each raises an error of ours, or takes the answer."""

    def __init__(self, url: str, ca: Path, limits: Limits = LIMITS) -> None:
        self._url: Final = url
        self._ca: Final = ca
        self._limits: Final = limits

    def all(self) -> dict[str, Callable[[], object]]:
        """By what they are."""
        return {
            "login": self.login,
            "userinfo": lambda: self._to_org(lambda to: userinfo(to, self._url, TOKEN)),
            "describe": lambda: self._metadata(lambda metadata: metadata.describe()),
            "list": lambda: self._metadata(lambda metadata: metadata.list_components("ConnectedApp")),
            "read": lambda: self._metadata(self._read),
            "versions": lambda: self._to_org(lambda to: rest.newest_version("org", to, self._url, TOKEN)),
            "query": lambda: self._by_library(partial(rest.query, text="SELECT Id FROM X")),
            "limits": lambda: self._by_library(rest.daily_calls),
            "consumer": self.consumer,
            "vault": lambda: self._vault(TokenLogin(lambda: TOKEN)).stages("billing"),
            "vault approle": lambda: self._vault(AppRoleLogin("role", lambda: TOKEN)).stages("billing"),
            "vault check": lambda: self._vault(TokenLogin(lambda: TOKEN)).check(),
            "aws": lambda: self._aws_store().stages("billing"),
            "aws check": lambda: self._aws_store().check(),
            "aws consumer": lambda: list(AwsReader(self._aws_calls(), "rotator/billing")()),
            "slack": lambda: self._channel(
                {"type": "slack", "token": {"env": "S"}, "channel": "C0123ABCD"}, TOKEN.reveal()
            ).send(message(), thread="C0123ABCD/1700000000.000001"),
            "slack check": lambda: self._channel(
                {"type": "slack", "token": {"env": "S"}, "channel": "C0123ABCD"}, TOKEN.reveal()
            ).check(),
            "webhook": lambda: self._webhook().send(message(), thread=None),
            "heartbeat": lambda: send_heartbeat(
                Secret(f"{self._url}/{TOKEN.reveal()}"), timeout=self._limits.total, ca=self._ca
            ),
        }

    def login(self) -> None:
        """Never raises: whatever comes is an answer."""
        login = self._to_org(lambda to: log_in(to, self._target, version().private_key, now()))
        assert login.answer.reason.isprintable()

    def prove(self) -> LoginAnswer:
        """A test login, with its question whose token it is."""
        answer: LoginAnswer = self._to_org(lambda to: prove(to, self._target, version().private_key, now()))
        assert answer.reason.isprintable()
        return answer

    def consumer(self) -> None:
        """The login of a consumer."""
        with closing(self._transport()) as to:
            DualKeyLogin(lambda: [self._here], to, ONCE).token()

    @property
    def _target(self) -> LoginTarget:
        return LoginTarget(self._url, "client", "billing@rotator.example", self._url)

    @property
    def _here(self) -> KeyVersion:
        return replace(version(), login_url=self._url)

    def _transport(self) -> Transport:
        return Transport(ca=self._ca, limits=self._limits)

    def _to_org(self, ask: Callable[[Transport], Any]) -> Any:
        with closing(self._transport()) as to:
            return ask(to)

    def _metadata(self, ask: Callable[[MetadataService], object]) -> object:
        with closing(self._transport()) as to:
            return ask(MetadataService(_Open(self._url, to), ONCE))

    def _by_library(self, ask: Callable[[str, Transport, str, Secret], object]) -> object:
        # simple-salesforce knows no address without TLS.
        with closing(_Plain(ca=self._ca, limits=self._limits)) as to:
            return ask("org", to, self._url.replace("http:", "https:"), TOKEN)

    def _read(self, metadata: MetadataService) -> object:
        return [component and app_of("org", component) for component in metadata.read("ConnectedApp", ["Billing"])]

    def _vault(self, login: VaultLogin) -> VaultStore:
        http = VaultHttp("keys", VaultServer(self._url, ca=self._ca, limits=self._limits), ONCE)
        return VaultStore("keys", VaultSession(http, login), "secret", "rotator")

    def _aws_calls(self) -> AwsCalls:
        return AwsCalls("keys", self._clients, Ground("rotator/", REGION), ONCE)

    def _aws_store(self) -> AwsStore:
        return AwsStore("keys", self._aws_calls(), "rotator/", NewSecrets())

    @property
    def _clients(self) -> AwsClients:
        return _clients(self._url, self._ca, self._limits)

    def _webhook(self) -> Any:
        channel = self._channel({"type": "slack-webhook", "url": {"env": "S"}}, "https://127.0.0.1/")
        vars(channel)["_url"] = Secret(f"{self._url}/{TOKEN.reveal()}")
        return channel

    def _channel(self, settings: dict[str, Any], secret: str) -> Any:
        read = channel_settings(settings["type"]).model_validate(settings | {"ca": str(self._ca)})
        # Nobody can configure an address without TLS; here none is spared.
        hasty = read.model_copy(update={"timeout": timedelta(seconds=self._limits.total), "api_url": self._url})
        return open_channel("ops", hasty, Surroundings({"S": secret}))


@cache
def _clients(url: str, ca: Path, limits: Limits) -> AwsClients:
    return AwsClients(AwsAccess(region=REGION, endpoint_url=url, attempts=1, ca=ca, limits=limits), "rotator/test", now)
