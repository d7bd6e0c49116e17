"""The inventory: every certificate in every org, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rotator.cli.output.console import NOTHING, away, console, day, moment, say, short, state_of, table
from rotator.cli.output.former_names import with_former_states
from rotator.core.lifecycle.states import CertificateState
from rotator.services.inventory.remarks import hidden_apps, remark_on_hidden

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rotator.cli.output.streams.rows import Rows
    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.core.observed import ObservedCertificate
    from rotator.services.inventory.scan import Scan


_DO_NOT_COUNT: Final = {CertificateState.RESTING, CertificateState.UNPROVEN}
"""States in which nobody goes by a certificate's dates."""


def as_json(life: CertificateLife) -> dict[str, Any]:
    """One line of `inventory --json`."""
    seen = life.seen
    is_here = seen.is_readable and not seen.is_vanished
    return with_former_states(
        {
            "org": seen.org,
            "app": seen.app or None,
            "type": seen.type,
            "client_id": seen.client_id or None,
            "certificate": certificate_as_json(seen) if is_here else None,
            "client_secret": secret_as_json(seen) if is_here else None,
            "not_after": seen.not_after,
            "key_bits": seen.key_bits,
            "shown": not (seen.is_hidden or seen.is_stored_one),
            "used_by": list(seen.used_by),
            "credential": seen.credential,
            "stage": seen.stage,
            "drift": seen.drift,
            "state": life.state,
            "urgency": life.urgency,
            "due_at": life.due_at,
            "last_modified_by": seen.last_modified_by,
            "last_modified_at": seen.last_modified_at,
            "last_seen": seen.last_seen,
        },
        life,
    )


def certificate_as_json(seen: ObservedCertificate | None) -> dict[str, Any] | None:
    """A certificate as every `--json` shows it."""
    if seen is None or not seen.fingerprint or seen.is_secret:
        return None
    return {
        "fingerprint": seen.fingerprint,
        "subject": seen.subject,
        "issuer": seen.issuer,
        # As text: it has up to 160 bits, and many readers of JSON keep 53.
        "serial_number": None if seen.serial_number is None else f"{seen.serial_number:x}",
        "not_before": seen.not_before,
        "not_after": seen.not_after,
        "key_algorithm": seen.key_algorithm,
        "key_bits": seen.key_bits,
        "signature_algorithm": seen.signature_algorithm,
    }


def secret_as_json(seen: ObservedCertificate | None) -> dict[str, Any] | None:
    """A client secret as every `--json` shows it; its dates are those of its policy."""
    if seen is None or not seen.fingerprint or not seen.is_secret:
        return None
    return {
        "fingerprint": seen.fingerprint,
        "client_id": seen.client_id or None,
        "stored_at": seen.not_before,
        "not_after": seen.not_after,
    }


def print_scans(found: Iterable[Scan], now: datetime) -> None:
    """The inventory as tables, what expires first on top: the apps, then what else holds a certificate."""
    scans = list(found)
    lines = sorted((life for each in scans for life in each.certificates), key=_by_expiry)
    console().print(_apps([life for life in lines if life.seen.is_app or life.seen.is_secret], now))
    others = [life for life in lines if not (life.seen.is_app or life.seen.is_secret)]
    if others:
        say("")
        say("Other certificates:")
        say("")
        console().print(_others(others, now))
    for scan in scans:
        if hidden := remark_on_hidden(scan.org, hidden_apps(scan.certificates)):
            say(str(hidden))
    for life in lines:
        if life.valid_from:
            sentence = f"The certificate of {life.seen.app} in {life.seen.org} is not valid before"
            say(f"{sentence} {moment(life.valid_from, now)}.")
    for life in (life for each in scans for life in each.vanished):
        seen = life.seen
        kind = "" if seen.is_app else f" ({seen.label})"
        when = moment(seen.last_seen, now)
        say(f"{seen.org}: {seen.app}{kind} has vanished, last seen {when}.")


def _apps(lines: Sequence[CertificateLife], now: datetime) -> Rows:
    rows = table(
        "Org", "App", "Type", "State", "Expires", "Not after", "Certificate", "Key", "Managed by", "Stage",
        spare=("Key", "Not after", "Certificate", "Stage", "Type"),
    )  # fmt: skip
    for life in lines:
        seen = life.seen
        expires_at = None if life.state in _DO_NOT_COUNT else seen.not_after
        rows.add_row(
            seen.org,
            seen.app or NOTHING,
            seen.label if seen.app else NOTHING,
            state_of(life),
            away(expires_at, now),
            day(expires_at),
            short(seen.fingerprint),
            _key(seen),
            seen.credential or NOTHING,
            seen.stage or NOTHING,
        )
    return rows


def _others(lines: Sequence[CertificateLife], now: datetime) -> Rows:
    rows = table(
        "Org", "Name", "Type", "State", "Expires", "Not after", "Certificate", "Key", "Used by",
        prose=("Used by",), spare=("Key", "Certificate", "Not after", "Used by"),
    )  # fmt: skip
    for life in lines:
        seen = life.seen
        rows.add_row(
            seen.org,
            seen.app,
            seen.label,
            state_of(life),
            away(seen.not_after, now),
            day(seen.not_after),
            short(seen.fingerprint),
            _key(seen),
            "; ".join(seen.used_by) or NOTHING,
        )
    return rows


def _key(seen: ObservedCertificate) -> str:
    return f"{seen.key_algorithm} {seen.key_bits}".strip() if seen.key_bits else NOTHING


def _by_expiry(life: CertificateLife) -> tuple[bool, float, str, str]:
    """What expires first comes first; what holds no certificate last."""
    seen = life.seen
    expiry = seen.not_after.timestamp() if seen.not_after else 0.0
    return seen.not_after is None, expiry, seen.org, seen.app
