"""Where an org may be: the hosts that its access tokens are sent to, and those that logins may be asked of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from rotator.core.logins import GENERIC_HOSTS
from rotator.core.observed import Kind
from rotator.errors import NOTHING_CHANGED, ConfigurationError
from rotator.resources import docs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rotator.salesforce.apps.app import App

SALESFORCE_DOMAINS: Final = ("salesforce.com", "salesforce.mil", "cloudforce.com")
"""Of login hosts, instances and My Domain hosts with an API (Salesforce Help, My Domain URL Formats)."""

_HOST: Final = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*|\[[0-9a-f:.]{2,45}\]")
_LONGEST: Final = 300


class InstanceHosts:
    """Judges the `instance_url` of an answer to a login: whoever can change it would get every token."""

    def __init__(self, domains: Iterable[str] = ()) -> None:
        """`domains` are those that a person allows beside the login host's own, such as `my.company.example`."""
        self._domains: Final = tuple(domain.lower().strip(".") for domain in domains)

    def address(self, said: str, login_url: str) -> str:
        """The address to call, `https://HOST` or `https://HOST:PORT`. Raises ValueError that says what is wrong.

        Its host must be the login host, be below it or below one of the domains that are allowed, or be one of
        Salesforce's where the login host is one, too.
        """
        parts = _parts(said)
        if parts is None:
            raise ValueError("which is no https address of a host alone")
        host, port = parts
        login = _parts(login_url)
        if login is None or not self._is_allowed(host, login[0]):
            raise ValueError(f"at {host}, which is no host of the org's by its login URL")
        return f"https://{host}" + (f":{port}" if port != _HTTPS else "")

    def _is_allowed(self, host: str, login: str) -> bool:
        if any(_is_below(host, domain) for domain in self._domains):
            return True
        ours = SALESFORCE_DOMAINS if any(_is_below(login, domain) for domain in SALESFORCE_DOMAINS) else ()
        return any(_is_below(host, domain) for domain in (login, *ours))


_HTTPS: Final = 443


def _parts(address: str) -> tuple[str, int] | None:
    """Host and port of a plain https address; None for what is anything else."""
    try:
        parts = urlsplit(address)
        port = _HTTPS if parts.port is None else parts.port
    except ValueError:
        return None
    plain = parts.netloc.lower()
    host = plain.removesuffix(f":{parts.port}") if parts.port is not None else plain
    is_whole = parts.scheme == "https" and parts.path in {"", "/"} and port
    is_bare = not (parts.query or parts.fragment) and address.rstrip("/").lower() == f"https://{plain}"
    if not (is_whole and is_bare and len(address) <= _LONGEST and _HOST.fullmatch(host)):
        return None
    return host, port


def _is_below(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def refuse_generic_host(org: str, addresses: Mapping[str, str], read_apps: Callable[[], Iterable[App | None]]) -> None:
    """Raises ConfigurationError for an external client app that would be logged in through at a login host of all orgs.

    Those answer `app_not_found` for it, whatever the key (forcedotcom/cli#3482). `addresses` are where logins are asked
    and the audience, by their names in config.yaml; `read_apps`, which gives the apps that are meant, is asked once
    where one of them is such a host, and else not at all.
    """
    hosts = {name: urlsplit(address).hostname for name, address in addresses.items()}
    generic = [name for name, host in hosts.items() if host in GENERIC_HOSTS]
    external = [app for app in read_apps() if app is not None and app.kind is Kind.EXTERNAL_APP] if generic else []
    if external:
        name, app = generic[0], external[0]
        raise ConfigurationError(
            f"{app.full_name} in the org {org} is an external client app, which takes no logins by way of"
            f" {hosts[name]}, and `{name}` says so.",
            effect=NOTHING_CHANGED,
            hint=f"Set `{name}` to the org's My Domain, https://NAME.my.salesforce.com (Setup, My Domain):"
            f" {docs('salesforce-setup')}.",
        )
