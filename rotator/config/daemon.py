"""How `rotator run` works, and the pages that it serves."""

import ipaddress
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import Field, IPvAnyNetwork, model_validator

from rotator.config.durations import Duration, Period
from rotator.config.paths import ConfiguredPath, HostName, PublicUrl
from rotator.config.secrets import SecretReference
from rotator.config.section import Section, Words, when_left_out
from rotator.core.machines.bounds import MOST_AT_ONCE
from rotator.core.secret import Secret, bits_to_guess
from rotator.errors import ConfigurationError


class BackOffSettings(Section):
    """How long an org or a credential is left alone after a failure."""

    first: Period = timedelta(minutes=5)
    """After the first failure; it doubles with each that follows."""
    ceiling: Period = timedelta(hours=6)
    attention_after: Annotated[int, Field(strict=True, ge=1, le=1000)] = 5
    """So many failures in a row that time does not mend: then a person is needed, and rotations are not tried again."""

    @model_validator(mode="after")
    def _ceiling_is_above(self) -> Self:
        if self.ceiling < self.first:
            raise ValueError("ceiling must not be shorter than first")
        return self


class HeartbeatSettings(Section):
    """A monitor outside that is called after each full cycle, to notice silence (Healthchecks, Uptime Kuma, ...)."""

    url: SecretReference
    """Who knows it can pretend to be this daemon, so it is kept as a secret."""
    timeout: Period = timedelta(seconds=10)
    ca: ConfiguredPath | None = None


class DaemonSettings(Section):
    """`daemon:`."""

    tick: Period = timedelta(seconds=15)
    """How often it asks what is due."""
    inventory_every: Period = timedelta(hours=1)
    """How often the inventory of each org is taken."""
    full_look_every: Period = timedelta(hours=24)
    """How often all of an org is read, and not only what has changed by its date."""
    jitter: Duration = timedelta(minutes=2)
    """An inventory begins up to so much later, so that not all orgs are called at once."""
    first_rotations_after: Duration = timedelta(hours=24)
    """In a database that has rotated nothing yet: so long after the service's first start no rotation is begun."""
    orgs_at_once: Annotated[int, Field(strict=True, ge=1, le=MOST_AT_ONCE)] = 32
    """How many orgs are asked at once, at the most: so many as the waiting for their answers leaves room for."""
    rotations_at_once: Annotated[int, Field(strict=True, ge=1, le=MOST_AT_ONCE)] = 2
    back_off: BackOffSettings = when_left_out()
    heartbeat: HeartbeatSettings | None = None


TOKEN_BITS: Final = 128
HOW_TO_MAKE_ONE: Final = "Make one: openssl rand -base64 32"


def can_be_guessed(token: Secret) -> bool:
    """Whether a bearer token is too short, or made of too few letters, to be drawn at random."""
    return bits_to_guess(token) < TOKEN_BITS


_LOCALHOST: Final = "localhost"


class HttpSettings(Section):
    """`http:`: health, metrics and the status page. Nothing there changes anything."""

    process: Literal["shared", "own"] = "shared"
    """Whether `rotator run` serves them itself, or `rotator pages` does in a process of its own."""
    host: Words = "127.0.0.1"
    port: Annotated[int, Field(strict=True, ge=0, le=65535)] = 9465
    """0: any that is free; the log says which."""
    token: SecretReference | None = None
    """Bearer token that every page demands, save /healthz. Beyond loopback there must be one."""
    reports_token: SecretReference | None = None
    """Bearer token by which consumers say what they last logged in with, and see nothing; None: they cannot."""
    names: tuple[HostName, ...] = ()
    """Further host names under which it may be asked, such as a reverse proxy's."""
    public_url: PublicUrl | None = None
    """Where people open the pages, such as through a reverse proxy: messages link to it, and its host may be asked."""
    metrics_unmanaged: Annotated[int, Field(strict=True, ge=0, le=100_000)] = 1000
    """So many certificates that no credential has are in /metrics one by one; all are counted by org and state."""
    connections: Annotated[int, Field(strict=True, ge=8, le=10_000)] = 100
    """So many at once; one more takes the place of the one that has waited longest without a request."""
    connections_per_address: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 25
    """So many of them from one address beyond this machine."""
    proxies: tuple[IPvAnyNetwork, ...] = ()
    """Addresses of reverse proxies, which many people come from: `connections_per_address` does not count for them."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == _LOCALHOST:
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def bearer_token(self, environ: Mapping[str, str]) -> Secret | None:
        """The token; None where there is none.

        Raises ConfigurationError when it is missing, or can be guessed where others than this machine may try.
        """
        if self.token is None:
            return None
        token = self.token.resolve(environ)
        if not self.is_loopback and can_be_guessed(token):
            raise ConfigurationError(
                f"The token of the pages ({self.token.place}) can be guessed: by its length and letters it has"
                f" {bits_to_guess(token)} bits at most, and beyond this machine it needs {TOKEN_BITS}.",
                effect=f"The pages at {self.host} are not served.",
                hint=HOW_TO_MAKE_ONE,
            )
        return token

    def token_of_reports(self, environ: Mapping[str, str]) -> Secret | None:
        """The token of consumers; None where none may report. Raises ConfigurationError for one that can be guessed."""
        token = self.reports_token.resolve(environ) if self.reports_token else None
        if self.reports_token and token and can_be_guessed(token):
            raise ConfigurationError(
                f"The token of consumers' reports ({self.reports_token.place}) can be guessed: it needs {TOKEN_BITS}"
                " bits.",
                effect="The pages are not served.",
                hint=HOW_TO_MAKE_ONE,
            )
        return token

    def tokens(self, environ: Mapping[str, str]) -> tuple[Secret | None, Secret | None]:
        """That of the pages and that of consumers, for whoever serves them. Raises ConfigurationError as both do."""
        return self.bearer_token(environ), self.token_of_reports(environ)

    @model_validator(mode="after")
    def _guarded_beyond_loopback(self) -> Self:
        if not self.is_loopback and self.token is None:
            raise ValueError("beyond loopback it needs a token: token: {file: PATH}")
        return self

    @model_validator(mode="after")
    def _reports_are_written_down(self) -> Self:
        if self.process == "own" and self.reports_token:
            raise ValueError(
                "with `process: own` nothing takes reports, as `rotator pages` only reads: no reports_token"
            )
        return self


class LimitSettings(Section):
    """`limits:` of an org: what the daemon may use of it. A rotation that has begun is never held up by them."""

    calls_per_hour: Annotated[int, Field(strict=True, ge=1)] | None = None
    logins_per_hour: Annotated[int, Field(strict=True, ge=1)] = 600
    """Salesforce refuses a user's logins from 3,600 an hour on."""
