"""`rotator simulator serve`: the simulated orgs in the foreground, for people who try things out."""

# ruff: noqa: PLC0415 - the simulator's libraries are imported when it is served, not when help is shown

from __future__ import annotations

import math
import shlex
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from rotator.cli.invocation import common_options
from rotator.cli.output.console import say
from rotator.resources import docs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.core.credentials import KeyVersion
    from rotator.simulator.org.org import Org
    from rotator.simulator.serving.export import Export
    from rotator.simulator.serving.scenario import Managed
    from rotator.simulator.serving.server import SimulatorServer

DEFAULT_PORT: Final = 8443
"""Where the first org listens; the port that people use for HTTPS beside the official one."""
LAST_PORT: Final = 65_534
"""The last one that the first org can have: the next org's is one up."""
LONGEST_PROPAGATION: Final = 31_536_000.0
"""A year, in seconds: as good as for ever."""


def _number(_context: click.Context, _parameter: click.Parameter, value: float) -> float:
    """A float that compares: no range holds NaN out."""
    if math.isnan(value):
        raise click.BadParameter("nan is not a number.")
    return value


@click.group()
def simulator() -> None:
    """A local org that answers like Salesforce."""


@simulator.command()
@click.option(
    "--port",
    default=DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, LAST_PORT),
    help="Port of the first org, the next one's is one up; 0: free ones.",
)
@click.option(
    "--export",
    "export_to",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for ca.pem, keys and config.yaml.",
)
@click.option(
    "--propagation",
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(0, LONGEST_PROPAGATION),
    callback=_number,
    help="How long a certificate change takes to reach all login servers.",
)
@click.option(
    "--flap",
    default=0.5,
    show_default=True,
    metavar="SHARE",
    type=click.FloatRange(0, 1),
    callback=_number,
    help="Share of logins that meet an up-to-date server meanwhile.",
)
@click.option(
    "--state",
    "state_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to keep the orgs in; with --export it is in the folder.",
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A host name of the production org, or of the sandbox when it has .sandbox. in it; may be given again.",
)
@click.option(
    "--like",
    type=click.Choice(["connected-apps-2024", "spring-26", "eca-unreadable", "eca-other-words"]),
    help=f"The kind of org to be ({docs('simulator')}).",
)
@common_options
def serve(
    port: int,
    export_to: Path | None,
    propagation: float,
    flap: float,
    state_file: Path | None,
    hosts: tuple[str, ...],
    like: str | None,
) -> None:
    """Serve a production org and a sandbox until Ctrl-C."""
    from rotator.daemon.signals import STOP, signals_taken
    from rotator.process import collect_as_usual
    from rotator.simulator.serving.export import Export
    from rotator.simulator.serving.hosting import hosted
    from rotator.simulator.serving.presets import PRESETS, USUAL

    collect_as_usual()
    preset = PRESETS[like] if like else USUAL
    settings = replace(preset.settings, propagation_seconds=propagation, flap_probability=flap)
    export = Export(export_to, state_file) if export_to else None
    with (
        signals_taken(STOP) as next_signal,
        hosted(
            settings,
            port=port,
            export=export,
            state=state_file,
            hosts=hosts,
            external_apps=preset.has_external_apps,
        ) as server,
    ):
        if export:
            _fill_store(export, server)
        _announce(server, export)
        next_signal(None)
    say("Stopped.")


@contextmanager
def simulated(folder: Path, *, propagation: float, flap: float) -> Iterator[tuple[Path, SimulatorServer]]:
    """The two orgs, exported to an empty folder, while the context lasts; gives the configuration to use them with."""
    from rotator.simulator.org.settings import OrgSettings
    from rotator.simulator.serving.export import Export
    from rotator.simulator.serving.hosting import hosted

    export = Export(folder)
    settings = OrgSettings(propagation_seconds=propagation, flap_probability=flap)
    with hosted(settings, port=0, export=export) as server:
        _fill_store(export, server)
        yield export.config, server


def _fill_store(export: Export, server: SimulatorServer) -> None:
    """Puts the keys that consumers have into the exported store, as their operator would have adopted them."""
    from rotator.simulator.serving.export import STORE
    from rotator.simulator.serving.scenario import MANAGED
    from rotator.stores.files.store import FilesStore

    store = FilesStore(STORE, export.store)
    for managed in MANAGED:
        version = _version(server.org(managed.org), managed)
        if version and not any(store.stages(managed.name)):
            store.put_pending(version)
            store.promote(managed.name, version.fingerprint, replaces=None)


def _version(org: Org, managed: Managed) -> KeyVersion | None:
    """What consumers log in with; None when nobody has a key that matches the app's certificate."""
    from rotator.core.credentials import KeyVersion

    app = org.apps.get(managed.apps[0])
    certificate = app.live_certificate if app else None
    if not (app and app.private_key and app.username and certificate and app.private_key.matches(certificate)):
        return None
    return KeyVersion(
        credential=managed.name,
        org=org.name,
        app=app.name,
        client_id=app.client_id,
        username=app.username,
        login_url=org.url,
        audience=org.url,
        certificate=certificate,
        private_key=app.private_key,
        created_at=org.clock(),
        rotation_id="",
    )


def _announce(server: SimulatorServer, export: Export | None) -> None:
    say("Two simulated orgs are running; Ctrl-C stops them.")
    for org in server.orgs:
        say(f"  {org.name:<12}{org.url}  {len([*org.client_apps])} apps")
        for host in org.addresses.hosts:
            say(f"{'':<14}https://{host}  where that name leads here")
    if export is None:
        say(f"Their certificate authority: {server.ca_file}")
        return
    say(f"Their state: GET /simulator/state; faults on demand: POST /simulator/faults ({docs('simulator')}).")
    say("In another terminal:")
    say(f"  rotator --config {shlex.quote(str(export.config))} check")
