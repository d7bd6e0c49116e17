"""The inventory: every certificate in every org, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rotator.cli.output.console import NOTHING, away, clean, console, day, moment, short, state, table
from rotator.core.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rotator.cli.output.rows import Rows
    from rotator.core.crypto.certificates import Certificate
    from rotator.services.inventory.scan import Found, Scan

_TYPES: Final[dict[str, str]] = {
    Kind.CERTIFICATE: "org's own",
    Kind.IDENTITY_PROVIDER: "SAML sign-on",
    Kind.APP_SAML: "app's SAML",
}


def as_json(found: Found) -> dict[str, Any]:
    """One line of `inventory --json`."""
    return {
        "org": found.org,
        "app": found.name,
        "type": found.kind,
        "client_id": found.client_id or None,
        "certificate": certificate_as_json(found.certificate),
        "not_after": found.not_after,
        "key_bits": found.key_bits,
        "used_by": list(found.used_by),
        "managed_by": found.managed_by,
        "stage": found.stage,
        "drift": found.drift,
        "state": found.state,
        "last_modified_by": found.last_modified_by,
        "last_modified_at": found.last_modified_at,
        "last_seen": found.last.last_seen if found.last else None,
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
    """The inventory as tables, what expires first on top: the apps, then what else holds a certificate."""
    lines = sorted(found.found, key=_by_expiry)
    console().print(_apps([line for line in lines if line.kind == Kind.APP], now))
    others = [line for line in lines if line.kind != Kind.APP]
    if others:
        console().print("\nOther certificates:\n")
        console().print(_others(others, now))
    for line in found.vanished:
        if line.last:
            seen = moment(line.last.last_seen, now)
            kind = f" ({_TYPES[line.kind]})" if line.kind in _TYPES else ""
            console().print(f"{clean(line.name)}{kind} has vanished from {line.org}: last seen {seen}.", soft_wrap=True)


def _apps(lines: Sequence[Found], now: datetime) -> Rows:
    rows = table(
        "Org", "App", "State", "Expires", "Not after", "Certificate", "Key", "Managed by", "Stage",
        spare=("Key", "Not after", "Certificate", "Stage"),
    )  # fmt: skip
    for line in lines:
        expires_at = None if _rests(line) else line.not_after
        rows.add_row(
            line.org,
            clean(line.name) or NOTHING,
            state(_word(line)),
            away(expires_at, now),
            day(expires_at),
            short(line.fingerprint),
            _key(line),
            line.managed_by or NOTHING,
            line.stage or NOTHING,
        )
    return rows


def _others(lines: Sequence[Found], now: datetime) -> Rows:
    rows = table(
        "Org", "Name", "Type", "State", "Expires", "Not after", "Certificate", "Key", "Used by",
        prose=("Used by",), spare=("Key", "Certificate", "Not after", "Used by"),
    )  # fmt: skip
    for line in lines:
        rows.add_row(
            line.org,
            clean(line.name),
            _TYPES.get(line.kind, line.kind),
            state(line.state),
            away(line.not_after, now),
            day(line.not_after),
            short(line.fingerprint),
            _key(line),
            clean("; ".join(line.used_by)) or NOTHING,
        )
    return rows


def _key(line: Found) -> str:
    if line.certificate:
        return f"{line.certificate.key_algorithm} {line.certificate.key_bits}"
    return str(line.key_bits) if line.key_bits else NOTHING


def _by_expiry(line: Found) -> tuple[bool, float, str, str]:
    """What expires first comes first; what holds no certificate last."""
    expiry = line.not_after.timestamp() if line.not_after else 0.0
    return line.not_after is None, expiry, line.org, line.name or ""


def _word(line: Found) -> str:
    if line.drift:
        return "drift"
    return "resting" if _rests(line) else line.state


def _rests(line: Found) -> bool:
    """Whether it is the standby app of a pair, whose certificate nobody has the key of."""
    return line.managed_by is not None and line.certificate is not None and line.certificate.is_throwaway
