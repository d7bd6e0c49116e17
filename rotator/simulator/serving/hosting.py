"""Serves the two orgs for as long as a command runs: from a state file where there is one, exported where asked."""

from __future__ import annotations

from contextlib import contextmanager
from random import SystemRandom
from typing import TYPE_CHECKING

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
    Raises ConfigurationError when the port is taken, the folder is somebody else's, or the state cannot be used.
    """
    if export:
        export.prepare()
    path = export.state if export else state
    file = StateFile(path) if path else None
    authority, orgs = _orgs(file, settings, external_apps=external_apps)
    for host in hosts:
        kind = "sandbox" if ".sandbox." in host else "production"
        next(org for org in orgs if org.kind == kind).addresses.hosts.append(host.lower())
    with SimulatorServer(orgs, port=port, authority=authority) as server:
        if file:
            file.keep(authority, orgs)
        if export:
            export.write(orgs, server.ca_pem, settings.propagation_seconds)
        yield server


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
