"""Certificates that expire, or should not be in use: what is told of them, and who hears of which threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.alert import NewAlert
from rotator.core.kinds import Kind
from rotator.core.severity import Severity
from rotator.core.thresholds import EXPIRED, crossed, next_crossing, severity_at
from rotator.services.inventory.seen import ObservedCertificate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from rotator.config.alerts import AlertSettings
    from rotator.config.section import ChannelSettings
    from rotator.core.alert import Alert

EXPIRY: Final = "expiry"
"""Kind of the alert that a certificate expires."""
WEAK: Final = "weak"
"""Kind of the alert that a certificate is weak, or valid for too long."""

_LEAST_BITS: Final = {"RSA": 2048, "EllipticCurve": 256, "DSA": 2048}
"""NIST SP 800-131A: 112 bits of security at least; for elliptic curves the smallest in common use."""
_BROKEN_HASHES: Final = frozenset({"md2", "md4", "md5", "sha1"})

_BY_HAND: Final[dict[str, str]] = {
    Kind.APP: "Upload a new certificate to the app in Setup and give its users the key, or add the app to"
    " `credentials` in config.yaml and have it rotated.",
    Kind.APP_SAML: "Replace it in Setup and at the service provider that the app stands for.",
    Kind.IDENTITY_PROVIDER: "Ask the identity provider for its next certificate, and put it into Setup, Single Sign-On"
    " Settings, when the provider begins to use it.",
    Kind.CERTIFICATE: "Replace it in Setup, Certificate and Key Management, and wherever its public half was given to.",
}


def certificate_key(kind: str, place: ObservedCertificate) -> str:
    """Key of the alert of that kind about the certificate that a place holds."""
    certificate = place.fingerprint or (f"{place.not_after:%Y-%m-%dT%H:%M:%SZ}" if place.not_after else "none")
    return f"{kind}:{place.org}/{place.kind}/{place.name}/{certificate}"


def is_anybodys_business(place: ObservedCertificate) -> bool:
    """Whether it matters to somebody when the certificate ends."""
    return place.readable and place.not_after is not None and not (place.is_throwaway or place.is_standby)


class Thresholds:
    """Which thresholds count for which certificate and channel."""

    def __init__(self, alerts: AlertSettings) -> None:
        self._configured: Final = alerts.thresholds
        self._within: Final = {channel.within for channel in alerts.channels.values() if channel.within is not None}

    def crossed(self, place: ObservedCertificate, now: datetime) -> tuple[timedelta, ...]:
        """Those that the certificate has crossed for any channel, the largest first."""
        return _crossed(place, now, (*self._configured, *filter(self._is_inside, self._within)))

    def crossed_for(self, channel: ChannelSettings, place: ObservedCertificate, now: datetime) -> tuple[timedelta, ...]:
        """Those that a channel hears of.

        With `within` that is one more of them, and those that are larger are not.
        """
        within = channel.within
        if within is None:
            return _crossed(place, now, self._configured)
        if place.not_after is None or place.not_after - now > within:
            return ()
        heard = [each for each in self._configured if each <= within]
        return _crossed(place, now, [*heard, within] if self._is_inside(within) else heard)

    def next_for(self, place: ObservedCertificate, now: datetime) -> datetime | None:
        """When the next one is crossed; None when it has expired."""
        return next_crossing(place.not_after, now, _counted(place, self._configured)) if place.not_after else None

    def _is_inside(self, within: timedelta) -> bool:
        """A channel that hears of every threshold needs none of its own."""
        return within < max(self._configured, default=EXPIRED)


def _crossed(place: ObservedCertificate, now: datetime, thresholds: Iterable[timedelta]) -> tuple[timedelta, ...]:
    return crossed(place.not_after, now, _counted(place, thresholds)) if place.not_after else ()


def _counted(place: ObservedCertificate, thresholds: Iterable[timedelta]) -> list[timedelta]:
    """A rotation replaces a managed certificate at `rotate_before`: only what comes after it is news."""
    limit = place.rotate_before
    return [each for each in thresholds if limit is None or each < limit]


def expires(place: ObservedCertificate, tightest: timedelta) -> NewAlert:
    """The alert that a certificate expires; `tightest` is the last threshold that it has crossed."""
    if place.not_after is None:
        raise ValueError("a certificate that expires has a date")
    verb = "expired" if tightest <= EXPIRED else "expires"
    return NewAlert(
        key=certificate_key(EXPIRY, place),
        kind=EXPIRY,
        severity=severity_at(tightest),
        title=f"The certificate of {place.name} in {place.org} {verb} on {words.day(place.not_after)}",
        text=_managed_text(place) if place.credential else _unmanaged_text(place, tightest),
        org=place.org,
        app=place.name,
        type=place.kind,
        credential=place.credential,
        fingerprint=place.fingerprint or None,
        not_after=place.not_after,
        facts=_facts(place),
    )


def _unmanaged_text(place: ObservedCertificate, tightest: timedelta) -> str:
    meaning = "Since then" if tightest <= EXPIRED else "From then on"
    return (
        f"Nobody replaces it by schedule. {meaning} whatever checks its dates may refuse it."
        f" {_BY_HAND.get(place.kind, 'Replace it in Setup.')}"
    )


def _managed_text(place: ObservedCertificate) -> str:
    name = place.credential
    before = f" {words.exact(place.rotate_before)} before that" if place.rotate_before else ""
    return (
        f"It belongs to the credential {name}, which should have been rotated{before} and was not."
        f" `rotator status {name}` tells what it waits for, `rotator history {name}` how tries ended;"
        f" `rotate now {name}` replaces it now."
    )


def _facts(place: ObservedCertificate) -> dict[str, str]:
    facts = {"Org": place.org, "Type": place.kind, "Name": place.name}
    if place.credential:
        facts["Credential"] = place.credential
    if place.not_after:
        facts["Not after"] = words.moment(place.not_after)
    if place.fingerprint:
        facts["Fingerprint"] = place.fingerprint
    return facts


def place_of(alert: Alert, rotate_before: Mapping[str, timedelta]) -> ObservedCertificate:
    """The place as it was when the alert was last looked at; `rotate_before` by credential."""
    return ObservedCertificate(
        org=alert.org or "",
        kind=alert.type or "",
        name=alert.app or "",
        fingerprint=alert.fingerprint or "",
        not_after=alert.not_after,
        credential=alert.credential,
        rotate_before=rotate_before.get(alert.credential or ""),
    )


def is_weak(place: ObservedCertificate, longest_lifetime: timedelta) -> NewAlert | None:
    """The alert that a certificate should be replaced before its time; None when nothing is wrong with it."""
    weaknesses, is_long = _weaknesses(place), _is_long(place, longest_lifetime)
    if not (weaknesses or is_long):
        return None
    sentences = list(weaknesses)
    if is_long:
        sentences.append(f"It is valid for longer than {words.exact(longest_lifetime)} (`alerts.longest_lifetime`).")
    by_whom = f"`rotate now {place.credential}` replaces it." if place.credential else "Replace it when you can."
    what = "is weak" if weaknesses else "is valid for too long"
    return NewAlert(
        key=certificate_key(WEAK, place),
        kind=WEAK,
        severity=Severity.WARNING if weaknesses else Severity.INFO,
        title=f"The certificate of {place.name} in {place.org} {what}",
        text=" ".join([*sentences, by_whom]),
        org=place.org,
        app=place.name,
        type=place.kind,
        credential=place.credential,
        fingerprint=place.fingerprint or None,
        facts=_facts(place),
    )


def _weaknesses(place: ObservedCertificate) -> list[str]:
    found = []
    least = _LEAST_BITS.get(place.key_algorithm, 0)
    if place.key_bits and place.key_bits < least:
        found.append(f"Its {place.key_algorithm} key has {place.key_bits} bits, and should have {least} at least.")
    if place.signature and place.signature.lower() in _BROKEN_HASHES:
        found.append(f"It is signed with {place.signature.upper()}, which can be forged.")
    return found


def _is_long(place: ObservedCertificate, longest_lifetime: timedelta) -> bool:
    if place.not_before is None or place.not_after is None:
        return False
    return place.not_after - place.not_before > longest_lifetime


def ending(alert: Alert, places: Sequence[ObservedCertificate]) -> str | None:
    """Why the alert of a certificate is over, by what is there of that name now; None while it goes on."""
    if not places:
        return f"{alert.app} is gone from {alert.org}."
    if not all(place.readable for place in places):
        return None
    ours = next((place for place in places if certificate_key(alert.kind, place) == alert.key), None)
    if ours:
        return _resting(ours) if ours.is_throwaway or ours.is_standby else None
    return _replaced(alert, places[0])


def _replaced(alert: Alert, there: ObservedCertificate) -> str:
    if there.not_after is None:
        return f"{alert.app} holds no certificate any more."
    if there.is_throwaway:
        return f"Its key was ended: {alert.app} holds a certificate whose key nobody has."
    by = f" by {words.short(there.fingerprint)}" if there.fingerprint else ""
    return f"Replaced{by}, which is valid until {words.day(there.not_after)}."


def _resting(there: ObservedCertificate) -> str:
    return f"{there.credential or 'Its credential'} logs in through another app now; this certificate may expire."
