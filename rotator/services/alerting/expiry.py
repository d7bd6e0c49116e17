"""Certificates that expire, or should not be in use: what is told of them, and who hears of which threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.alert import NewAlert
from rotator.core.lifecycle.certificate_life import rests
from rotator.core.lifecycle.states import CertificateState
from rotator.core.observed import Kind, ObservedCertificate
from rotator.core.severity import Severity
from rotator.core.thresholds import EXPIRED, Expiry, lasts_longer, severity_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from rotator.config.alerts import AlertSettings
    from rotator.config.section import ChannelSettings
    from rotator.core.alert import Alert
    from rotator.core.lifecycle.certificate_life import CertificateLife

EXPIRY: Final = "expiry"
"""Kind of the alert that a certificate expires."""
WEAK: Final = "weak"
"""Kind of the alert that a certificate is weak, or valid for too long."""

_LEAST_BITS: Final = {"RSA": 2048, "EllipticCurve": 256, "DSA": 2048}
"""NIST SP 800-131A: 112 bits of security at least; for elliptic curves the smallest in common use."""
_BROKEN_HASHES: Final = frozenset({"md2", "md4", "md5", "sha1"})


def certificate_key(kind: str, seen: ObservedCertificate) -> str:
    """Key of the alert of that kind about the certificate that was seen in a place."""
    certificate = seen.fingerprint or (f"{seen.not_after:%Y-%m-%dT%H:%M:%SZ}" if seen.not_after else "none")
    return f"{kind}:{seen.org}/{seen.type}/{seen.app}/{certificate}"


def crossed_for(
    channel: ChannelSettings, alerts: AlertSettings, expiry: Expiry, now: datetime
) -> tuple[timedelta, ...]:
    """The crossed thresholds that a channel hears of.

    With `within` that is one more of them, and those that are larger are not.
    """
    within = channel.within
    if within is None:
        return expiry.crossed(now, alerts.thresholds)
    if not expiry.is_within(within, now):
        return ()
    heard = [each for each in alerts.every_threshold if each == within or (each < within and each in alerts.thresholds)]
    return expiry.crossed(now, heard)


def expires(life: CertificateLife, tightest: timedelta) -> NewAlert:
    """The alert that a certificate expires; `tightest` is the last threshold that it has crossed."""
    seen = life.seen
    if seen.not_after is None:
        raise ValueError("a certificate that expires has a date")
    verb = "expired" if tightest <= EXPIRED else "expires"
    return NewAlert(
        key=certificate_key(EXPIRY, seen),
        kind=EXPIRY,
        severity=severity_at(tightest),
        title=f"The certificate of {seen.app} in {seen.org} {verb} on {words.day(seen.not_after)}",
        text=_by_whom(life, tightest),
        org=seen.org,
        app=seen.app,
        type=seen.type,
        credential=seen.credential,
        fingerprint=seen.fingerprint or None,
        not_after=seen.not_after,
        facts=_facts(seen),
    )


def _by_whom(life: CertificateLife, tightest: timedelta) -> str:
    """Who should have replaced it, and what to do now."""
    seen, rotate_before = life.seen, life.expiry.rotate_before if life.expiry else None
    if rotate_before is not None:
        return _by_rotation(life, rotate_before)
    meaning = "Since then" if tightest <= EXPIRED else "From then on"
    nobody = f"Nobody replaces it by schedule. {meaning} whatever checks its dates may refuse it."
    if seen.credential is None:
        return f"{nobody} {seen.kind.replaced_by_hand if seen.kind else 'Replace it in Setup.'}"
    if seen.drift:
        return f"{nobody} Its app belongs to the credential {seen.credential}, and somebody put it there by hand."
    return (
        f"{nobody} Its app belongs to the credential {seen.credential}, which is not in its store:"
        f" `rotator adopt {seen.credential} --key FILE` takes the key pair that is in use."
    )


def _by_rotation(life: CertificateLife, rotate_before: timedelta) -> str:
    name = life.seen.credential
    if life.state is CertificateState.DEFERRED and life.due_at:
        return (
            f"It belongs to the credential {name}, of which a person has brought this older version back: it is left"
            f" alone until {words.moment(life.due_at)}, and rotated then. `rotate now {name}` replaces it now."
        )
    return (
        f"It belongs to the credential {name}, which should have been rotated {words.exact(rotate_before)} before"
        f" that and was not. `rotator status {name}` tells what it waits for, `rotator history {name}` how tries ended;"
        f" `rotate now {name}` replaces it now."
    )


def _facts(seen: ObservedCertificate) -> dict[str, str]:
    facts = {"Org": seen.org, "Type": seen.type, "Name": seen.app}
    if seen.credential:
        facts["Credential"] = seen.credential
    if seen.not_after:
        facts["Not after"] = words.moment(seen.not_after)
    if seen.fingerprint:
        facts["Fingerprint"] = seen.fingerprint
    return facts


def certificate_of(alert: Alert) -> ObservedCertificate:
    """What an alert is about, as it was when it was last seen."""
    return ObservedCertificate(
        org=alert.org or "",
        type=alert.type or Kind.APP,
        app=alert.app or "",
        fingerprint=alert.fingerprint or "",
        not_after=alert.not_after,
    )


def is_weak(seen: ObservedCertificate, longest_lifetime: timedelta) -> NewAlert | None:
    """The alert that a certificate should be replaced before its time; None when nothing is wrong with it."""
    weaknesses, is_long = _weaknesses(seen), lasts_longer(seen.not_before, seen.not_after, longest_lifetime)
    if not (weaknesses or is_long):
        return None
    sentences = list(weaknesses)
    if is_long:
        sentences.append(f"It is valid for longer than {words.exact(longest_lifetime)} (`alerts.longest_lifetime`).")
    by_whom = f"`rotate now {seen.credential}` replaces it." if seen.credential else "Replace it when you can."
    what = "is weak" if weaknesses else "is valid for too long"
    return NewAlert(
        key=certificate_key(WEAK, seen),
        kind=WEAK,
        severity=Severity.WARNING if weaknesses else Severity.INFO,
        title=f"The certificate of {seen.app} in {seen.org} {what}",
        text=" ".join([*sentences, by_whom]),
        org=seen.org,
        app=seen.app,
        type=seen.type,
        credential=seen.credential,
        fingerprint=seen.fingerprint or None,
        facts=_facts(seen),
    )


def _weaknesses(seen: ObservedCertificate) -> list[str]:
    found = []
    # Of the org's own certificates no algorithm is told: Salesforce makes RSA keys only.
    algorithm = seen.key_algorithm or "RSA"
    least = _LEAST_BITS.get(algorithm, 0)
    if seen.key_bits and seen.key_bits < least:
        found.append(f"Its {algorithm} key has {seen.key_bits} bits, and should have {least} at least.")
    if seen.signature_algorithm.lower() in _BROKEN_HASHES:
        found.append(f"It is signed with {seen.signature_algorithm.upper()}, which can be forged.")
    return found


def ending(alert: Alert, here: Sequence[CertificateLife], now: datetime) -> str | None:
    """Why the alert of a certificate is over, by what is there of that name now; None while it goes on."""
    if not here:
        return f"{alert.app} is gone from {alert.org}."
    if any(life.state is CertificateState.UNREADABLE for life in here):
        return None
    ours = next((life for life in here if certificate_key(alert.kind, life.seen) == alert.key), None)
    if ours is None:
        return _replaced(alert, here[0].seen)
    if rests(ours.seen):
        return _resting(ours.seen)
    return _too_early(alert, ours, now) if alert.kind == EXPIRY else None


def _replaced(alert: Alert, there: ObservedCertificate) -> str:
    if there.not_after is None:
        return f"{alert.app} holds no certificate any more."
    if there.is_throwaway:
        return f"Its key was ended: {alert.app} holds a certificate whose key nobody has."
    by = f" by {words.short(there.fingerprint)}" if there.fingerprint else ""
    return f"Replaced{by}, which is valid until {words.day(there.not_after)}."


def _resting(there: ObservedCertificate) -> str:
    return f"{there.credential or 'Its credential'} logs in through another app now; this certificate may expire."


def _too_early(alert: Alert, life: CertificateLife, now: datetime) -> str | None:
    """Other thresholds count by now than when it was opened, as somebody else is to replace it, or by other settings.

    Not where the clock alone says so, which may be set again.
    """
    if life.expiry is None or life.expiry.crossed(now) or life.expiry.crossed(alert.opened_at):
        return None
    if life.due_at:
        return f"The rotation of {life.seen.credential} replaces it, from {words.day(life.due_at)} on."
    return "No threshold that counts is crossed yet."
