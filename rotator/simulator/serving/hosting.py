"""Serves the two orgs for as long as a command runs: from a state file where there is one, exported where asked."""

from __future__ import annotations

import re
from contextlib import contextmanager
from random import SystemRandom
from typing import TYPE_CHECKING, Final

from rotator.errors import ConfigurationError
from rotator.simulator.org.addresses import LOGIN_HOSTS
from rotator.simulator.org.org import Org
from rotator.simulator.serving.authority import CertificateAuthority
from rotator.simulator.serving.scenario import two_orgs
from rotator.simulator.serving.server import SimulatorServer, utc_now
from rotator.simulator.serving.state import StateFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rotator.simulator.org.org import OrgKind
    from rotator.simulator.org.settings import OrgSettings
    from rotator.simulator.serving.export import Export

_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
"""One part of a host name (RFC 1123, 2.1)."""
_LONGEST_NAME: Final = 253


@contextmanager
def hosted(
    settings: OrgSettings,
    *,
    port: int,
    export: Export | None = None,
    state: Path | None = None,
    hosts: Sequence[str] = (),
    external_apps: bool = True,
) -> Iterator[SimulatorServer]:
    """The running server. Without a state file and an export the orgs are new, and gone at the end.

    `hosts` are names of the orgs, those with `.sandbox.` of the sandbox; `external_apps`: whether new orgs have any.
    Raises ConfigurationError when a name is none, the port is taken, the folder is somebody else's, or the state cannot
    be used.
    """
    names = [_host_name(host) for host in hosts]
    if export:
        export.prepare()
    path = export.state if export else state
    file = StateFile(path) if path else None
    authority, orgs = _orgs(file, settings, external_apps=external_apps)
    for name in dict.fromkeys(names):
        kind = "sandbox" if ".sandbox." in name else "production"
        next(org for org in orgs if org.kind == kind).addresses.hosts.append(name)
    with SimulatorServer(orgs, port=port, authority=authority) as server:
        if file:
            file.keep(authority, orgs)
        if export:
            export.write(orgs, server.ca_pem, settings.propagation_seconds)
        yield server


def _host_name(text: str) -> str:
    """A name that one org alone can have. Raises ConfigurationError."""
    name = text.lower()
    labels = name.split(".")
    is_name = all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdecimal() and len(name) <= _LONGEST_NAME
    if not is_name or name in {"localhost", *LOGIN_HOSTS.values()}:
        raise ConfigurationError(
            f"{text!r} cannot be the host name of an org.",
            effect="Nothing was started.",
            hint="Give --host a name like acme.my.salesforce.com, without https:// and port. "
            "localhost, 127.0.0.1 and the login hosts lead to the orgs without it.",
        )
    return name


def _orgs(
    file: StateFile | None, settings: OrgSettings, *, external_apps: bool
) -> tuple[CertificateAuthority, Sequence[Org]]:
    random = SystemRandom()
    if file is None or not file.exists():
        orgs = two_orgs(clock=utc_now, random=random, settings=settings, external_apps=external_apps)
        return CertificateAuthority.create(utc_now()), orgs

    def new_org(name: str, kind: OrgKind, number: int) -> Org:
        return Org(name, kind, clock=utc_now, random=random, settings=settings, number=number)

    return file.load(new_org)
