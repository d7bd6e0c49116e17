"""Under which names an org is reached, and what it tells a client about its own addresses.

Nothing that a client is told leads off the machine: it is led back to where it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

LOGIN_HOSTS: Final = {"production": "login.salesforce.com", "sandbox": "test.salesforce.com"}
"""The generic login host, and an accepted audience, by kind of org (OAuth 2.0 JWT Bearer Flow)."""


@dataclass
class Addresses:
    """The names of one org. The first host name is its My Domain."""

    login_host: str
    hosts: list[str] = field(default_factory=list)
    url: str = ""
    """Where the server listens; the server sets it when it knows its port."""

    @property
    def login_url(self) -> str:
        """The generic login host as audiences name it."""
        return f"https://{self.login_host}"

    def answers_to(self, host: str) -> bool:
        """Whether a Host header names this org and no other."""
        return _name(host) in self.hosts

    def is_generic(self, host: str) -> bool:
        """Whether a Host header names the login servers that all orgs share."""
        return _name(host) in LOGIN_HOSTS.values()

    def instance_url(self, host: str) -> str:
        """The org's own address for a client that came by this Host header, with the port that the client used."""
        if self.answers_to(host):
            return f"https://{host}"
        if self.is_generic(host) and self.hosts:
            return f"https://{self.hosts[0]}{_port(host)}"
        return self.url

    def identity_url(self, host: str) -> str:
        """The start of `id` URLs: the generic login host for clients that came by a host of salesforce.com."""
        is_led_here = self.is_generic(host) or (self.answers_to(host) and _name(host).endswith(".salesforce.com"))
        return f"https://{self.login_host}{_port(host)}" if is_led_here else self.instance_url(host)

    def own(self) -> set[str]:
        """Every address that is this org's alone, as an audience may name it."""
        return {self.url, *(f"https://{host}" for host in self.hosts)}


def _name(host: str) -> str:
    return host.partition(":")[0].lower()


def _port(host: str) -> str:
    _, colon, port = host.partition(":")
    return colon + port
