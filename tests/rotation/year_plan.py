"""What there is in the year: orgs, credentials, what nobody manages, and what befalls them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.observed import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator


BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
END: Final = datetime(2027, 1, 1, tzinfo=UTC)
DAY: Final = timedelta(days=1)
TICK: Final = timedelta(hours=24)
"""How often the daemon of this year asks what is due: as late as this is everything told and begun, at the most."""

LOOKED_EVERY: Final = timedelta(hours=71)
"""How often it looks at each org."""

ORGS: Final = ("alpha", "beta", "gamma")
CHANNELS: Final = ("mail", "slack", "pager")
PAGED: Final = 7 * DAY
"""The pager hears of an expiry from then on."""

NEAR_SINCE: Final = BEGIN + 40 * DAY
"""Until then the orgs are called over HTTPS."""

ROBOT_KEY: Final = 14

CONFIGURATION: Final = """
database: sqlite:///{folder}/rotator.db
orgs:
  alpha:
    login_url: {alpha}
    ca: {ca}
    login: {{client_id: {alpha_id}, username: robot@alpha.example, private_key: {{env: ROTATOR_KEY}}}}
  beta: {{login_url: {beta}, ca: {ca}, login: {{credential: management}}}}
  gamma:
    login_url: {gamma}
    ca: {ca}
    login: {{client_id: {gamma_id}, username: robot@gamma.example, private_key: {{env: ROTATOR_KEY}}}}
stores: {{keys: {{type: files, path: {folder}/store}}}}
credentials:
{credentials}
rotation:
  verification: {{confirmations: 1, hold: 0s, interval: 2s, timeout: 2m}}
alerts:
  channels:
    mail: {{type: email, host: 127.0.0.1, sender: rotator@example.com, to: [team@example.com], digest_from: 100}}
    slack: {{type: slack, token: {{env: SLACK_TOKEN}}, channel: certificates}}
    pager: {{type: slack-webhook, url: {{env: PAGER_URL}}, within: 7d, least: critical}}
daemon:
  first_rotations_after: 0s
  inventory_every: 71h
  heartbeat: {{url: {{env: HEARTBEAT_URL}}}}
"""


@dataclass(frozen=True)
class Credential:
    """A managed credential of this year."""

    name: str
    org: str
    apps: tuple[str, ...]
    lifetime: timedelta
    expires: int
    """Days after BEGIN when what is in use at first expires."""
    options: str = ""

    @property
    def user(self) -> str:
        """Whom its consumers log in as."""
        return f"robot@{self.org}.example" if self.name == "management" else f"user@{self.org}.example"

    def as_configured(self) -> str:
        """Its line in config.yaml."""
        return (
            f"  {self.name}: {{org: {self.org}, store: keys, username: {self.user}, apps: [{', '.join(self.apps)}],"
            f" lifetime: {self.lifetime.days}d{self.options}}}"
        )


def _in_place(name: str, org: str, lifetime: int, expires: int, options: str = "") -> Credential:
    return Credential(name, org, (name.title(),), timedelta(days=lifetime), expires, options)


def _pair(name: str, org: str, lifetime: int, expires: int, options: str = "") -> Credential:
    return Credential(name, org, (f"{name.title()}_A", f"{name.title()}_B"), timedelta(days=lifetime), expires, options)


def _frozen(begins: int, ends: int) -> str:
    """From one day after BEGIN to another."""
    since, until = (f"{BEGIN + days * DAY:%Y-%m-%d}" for days in (begins, ends))
    return f", freezes: [{{from: {since}, until: {until}, reason: an audit}}]"


_NIGHTLY: Final = ", windows: [{days: [sat, sun], since: '22:00', until: '06:00', zone: Europe/Berlin}]"

CREDENTIALS: Final = (
    _in_place("billing", "alpha", 180, 60),
    _in_place("crm", "alpha", 365, 101),  # due while the daemon is stopped in March, and paused before and after
    _in_place("outbox", "alpha", 120, 140, _frozen(100, 120)),  # due in the freeze
    _in_place("mailer", "alpha", 90, 45, _frozen(73, 110)),  # due again in a freeze that ends when it has expired
    _pair("warehouse", "alpha", 180, 75),
    _in_place("management", "beta", 200, 120),
    _in_place("orders", "beta", 365, 181),  # due while beta cannot be read
    _pair("payments", "beta", 120, 50),
    _in_place("quotes", "gamma", 180, 90, _NIGHTLY),
    _pair("reports", "gamma", 150, 66, _NIGHTLY),
    _in_place("sync", "gamma", 365, 300, ", mode: manual"),
    _in_place("tickets", "gamma", 100, 33),
)

HELD_UP: Final = ("crm", "outbox", "mailer", "sync")
"""The credentials whose rotations people, pauses or freezes hold up."""

PAUSED: Final = (BEGIN + 60 * DAY, BEGIN + 95 * DAY)
"""From when to when a person has paused crm."""

BY_HAND: Final = BEGIN + 67 * DAY
"""When a person rotates mailer, who was told that the freeze would let it expire."""

STOPPED: Final = (BEGIN + 68 * DAY, BEGIN + 75 * DAY)
"""A week in March."""

UNREADABLE: Final = (BEGIN + 150 * DAY, BEGIN + 153 * DAY)
"""Beta."""

SLACK_DOWN: Final = (BEGIN + 220 * DAY, BEGIN + 221 * DAY)
CLOCK_SET: Final = {BEGIN + 90 * DAY: timedelta(hours=1), BEGIN + 200 * DAY: timedelta(hours=-1)}
"""The clock jumps: forward, and later back, after something was done by it."""


@dataclass(frozen=True)
class Unmanaged:
    """A certificate that no credential is about."""

    org: str
    kind: Kind
    name: str
    not_after: datetime
    replaced: datetime | None = None
    """When a person puts another one there, that lasts beyond the year."""


def _unmanaged() -> Iterator[Unmanaged]:
    """Twenty-three apps over the year and after, and what else can expire; the robots are two apps more."""
    noon = timedelta(hours=12, minutes=34)
    for number in range(20):
        expires = BEGIN + timedelta(days=9 + 19 * number) + noon
        # Some people see to it in time, others when it hurts.
        replaced = expires + timedelta(days=-5 if number % 4 == 3 else 5)
        yield Unmanaged(ORGS[number % 3], Kind.APP, f"Legacy_{number:02}", expires, replaced)
    yield Unmanaged("alpha", Kind.APP, "Long_Expired", BEGIN - 40 * DAY)
    yield Unmanaged("beta", Kind.APP, "Forever", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    # All that it crosses last comes while beta cannot be read.
    yield Unmanaged("beta", Kind.APP, "Unseen", UNREADABLE[0] + 2 * DAY)
    # What Salesforce signs itself ends at noon.
    yield Unmanaged("alpha", Kind.CERTIFICATE, "Self_Signed", BEGIN + 130 * DAY + DAY / 2)
    # It expires in the week in which nobody watches.
    yield Unmanaged("gamma", Kind.CERTIFICATE, "Partner", STOPPED[0] + 3.5 * DAY)
    yield Unmanaged("gamma", Kind.IDENTITY_PROVIDER, "Single_Sign_On", SLACK_DOWN[0] + timedelta(hours=5))


UNMANAGED: Final = tuple(_unmanaged())
