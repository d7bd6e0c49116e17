"""`rotator inventory`: every certificate in every org."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rotator.cli.console import NOTHING, away, clean, console, day, print_json, short, state, table
from rotator.cli.failures import tell
from rotator.cli.options import Invocation, common_options, json_option, pass_invocation
from rotator.history.sightings import record_sighting
from rotator.salesforce.inventory import inventory as read_inventory
from rotator.services.scan import FoundApp, Scan, scan

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.application import Application
    from rotator.core.certificates import Certificate
    from rotator.salesforce.inventory import InventoryEntry


@click.command()
@common_options
@json_option
@pass_invocation
def inventory(invocation: Invocation) -> None:
    """Every certificate in every org, managed by rotator or not.

    What was seen is recorded in the history. An org that cannot be read is told and left out; the exit code says so.

    \b
    With --json a list of
      {"org", "app", "type", "client_id",
       "certificate": {"fingerprint", "subject", "issuer", "serial_number", "not_before", "not_after",
                       "key_algorithm", "key_bits", "signature_algorithm"} or null,
       "managed_by": credential or null, "stage": "current", "pending", "previous" or null, "drift": bool,
       "state": "ok", "expiring", "expired", "none" or "unreadable", "last_modified_by", "last_modified_at"};
    "app" is null on the line of an org that could not be read.
    """
    with invocation.application() as app:
        now = app.now()
        found = scan_all(app, now)
        if invocation.json:
            print_json([as_json(line) for line in found.apps])
        else:
            print_scan(found, now)
    for error in {str(problem.error): problem.error for problem in found.problems}.values():
        tell(error, as_json=False)
    if found.problems:
        raise click.exceptions.Exit(found.problems[0].error.exit_code)


def scan_all(app: Application, now: datetime) -> Scan:
    """Looks at every org, and records what it saw."""

    def read_org(name: str) -> list[InventoryEntry]:
        session = app.org_session(name)
        # A login that fails is told at once; only what comes after it is worth repeating.
        session.ensure_alive()
        return read_inventory(session, app.metadata(name))

    return scan(
        app.settings,
        read_org=read_org,
        store=app.store,
        record=lambda sighting: record_sighting(app.database, sighting, now),
        now=now,
    )


def as_json(found: FoundApp) -> dict[str, Any]:
    """One line of `inventory --json`."""
    return {
        "org": found.org,
        "app": found.app,
        "type": found.app_type,
        "client_id": found.client_id or None,
        "certificate": certificate_as_json(found.certificate),
        "managed_by": found.managed_by,
        "stage": found.stage,
        "drift": found.drift,
        "state": found.state,
        "last_modified_by": found.last_modified_by,
        "last_modified_at": found.last_modified_at,
    }


def certificate_as_json(certificate: Certificate | None) -> dict[str, Any] | None:
    """A certificate as every `--json` shows it."""
    if certificate is None:
        return None
    return {
        "fingerprint": certificate.fingerprint,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        # As text: it has up to 160 bits, and many readers of JSON keep 53.
        "serial_number": f"{certificate.serial_number:x}",
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "key_algorithm": certificate.key_algorithm,
        "key_bits": certificate.key_bits,
        "signature_algorithm": certificate.signature_algorithm,
    }


def print_scan(found: Scan, now: datetime) -> None:
    """The inventory as a table, what expires first on top."""
    rows = table(
        "Org", "App", "State", "Expires", "Not after", "Certificate", "Key", "Managed by", "Stage",
        spare=("Key", "Not after", "Certificate", "Stage"),
    )  # fmt: skip
    for line in sorted(found.apps, key=_by_expiry):
        certificate = line.certificate
        expires_at = certificate.not_after if certificate and not _rests(line) else None
        rows.add_row(
            line.org,
            clean(line.app) or NOTHING,
            state(_word(line)),
            away(expires_at, now),
            day(expires_at),
            short(certificate.fingerprint if certificate else None),
            f"{certificate.key_algorithm} {certificate.key_bits}" if certificate else NOTHING,
            line.managed_by or NOTHING,
            line.stage or NOTHING,
        )
    console().print(rows)


def _by_expiry(line: FoundApp) -> tuple[bool, float, str, str]:
    """What expires first comes first; apps without a certificate last."""
    expiry = line.certificate.not_after.timestamp() if line.certificate else 0.0
    return line.certificate is None, expiry, line.org, line.app or ""


def _word(line: FoundApp) -> str:
    if line.drift:
        return "drift"
    return "resting" if _rests(line) else line.state


def _rests(line: FoundApp) -> bool:
    """Whether it is the standby app of a pair, whose certificate nobody has the key of."""
    return line.managed_by is not None and line.certificate is not None and line.certificate.is_throwaway
