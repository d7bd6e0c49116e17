"""Certificates that expire, or should not be in use: what is told of them, and who hears of which threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rotator.core import words
from rotator.core.alert import NewAlert
from rotator.core.crypto.names import RSA
from rotator.core.lifecycle.revocation import RevocationStep, how_to_end, nobody_logs_in
from rotator.core.lifecycle.states import CertificateState
from rotator.core.observed import Kind, ObservedCertificate
from rotator.core.severity import Severity
from rotator.core.thresholds import EXPIRED, Expiry, is_ahead, lasts_longer, severity_at
from rotator.services.alerting.kinds import EXPIRY, WEAK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from rotator.config.alerts import AlertSettings
    from rotator.config.section import ChannelSettings
    from rotator.core.alert import Alert
    from rotator.core.lifecycle.certificate_life import CertificateLife

_LEAST_BITS: Final = {"RSA": 2048, "RSA-PSS": 2048, "EC": 256, "DSA": 2048}
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
    heard = [each for each in alerts.every_threshold if each == within or (each < within and each in alerts.thresholds)]
    return expiry.crossed(now, heard)


def expires(life: CertificateLife, tightest: timedelta) -> NewAlert:
    """The alert that a certificate expires; `tightest` is the last threshold that it has crossed."""
    seen = life.seen
    if seen.not_after is None:
        raise ValueError("a certificate that expires has a date")
    what = "client secret" if seen.is_secret else "certificate"
    verb = ("expired" if tightest <= EXPIRED else "expires") if not seen.is_secret else "is to be replaced by"
    on = "" if seen.is_secret else "on "
    return NewAlert(
        key=certificate_key(EXPIRY, seen),
        kind=EXPIRY,
        severity=severity_at(tightest),
        title=f"The {what} of {seen.app} in {seen.org} {verb} {on}{words.day(seen.not_after)}",
        text=_what_is_so(life, tightest),
        meanwhile=_meanwhile(life),
        to_do=_replacement(life),
        org=seen.org,
        app=seen.app,
        type=seen.type,
        credential=seen.credential,
        fingerprint=seen.fingerprint or None,
        not_after=seen.not_after,
        facts=_facts(seen),
    )


def is_left_to_rotation(life: CertificateLife) -> bool:
    """Whether a rotation of its credential is to replace a certificate."""
    return life.expiry is not None and life.expiry.rotate_before is not None


def _what_is_so(life: CertificateLife, tightest: timedelta) -> str:
    """What it means that it expires, and who should have replaced it."""
    name, expiry = life.seen.credential, life.expiry
    if expiry is None or expiry.rotate_before is None:
        meaning = "Since then" if tightest <= EXPIRED else "From then on"
        return f"{meaning} whatever checks its dates may refuse it."
    if life.state is CertificateState.DEFERRED:
        return f"It belongs to the credential {name}, of which a person has brought this older version back."
    if expiry.is_by_hand:
        return f"It belongs to the credential {name}, which people rotate (`mode: manual`)."
    before = words.exact(expiry.rotate_before)
    return f"It belongs to the credential {name}, which should have been rotated {before} before that and was not."


def _meanwhile(life: CertificateLife) -> str:
    """Who replaces it, and when."""
    if not is_left_to_rotation(life) or (life.expiry and life.expiry.is_by_hand):
        return "Nobody replaces it by schedule."
    if life.state is CertificateState.DEFERRED and life.due_at:
        return f"It is left alone until {words.moment(life.due_at)}, and rotated then."
    return "It is rotated by schedule as soon as nothing stands in the way."


def _replacement(life: CertificateLife) -> str:
    """What a person does to replace it."""
    seen = life.seen
    name = seen.credential
    if is_left_to_rotation(life):
        return (
            f"`rotator status {name}` tells what it waits for, `rotator history {name}` how tries ended;"
            f" `rotate now {name}` replaces it now."
        )
    if name is None:
        return seen.kind.replaced_by_hand if seen.kind else "Replace it in Setup."
    if seen.drift:
        return f"Its app belongs to the credential {name}, and somebody put it there by hand: ask who did."
    if seen.is_secret:
        return f"`rotator enroll {name}` takes the consumer key and secret that are in use."
    return (
        f"Its app belongs to the credential {name}, which is not in its store:"
        f" `rotator adopt {name} --key FILE` takes the key pair that is in use."
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


def weakness_of(life: CertificateLife, longest_lifetime: timedelta) -> NewAlert | None:
    """The alert that a certificate should not be in use as it is; None when nothing is wrong with it."""
    seen, found = life.seen, [*_weaknesses(life, longest_lifetime)]
    if not found:
        return None
    return NewAlert(
        key=certificate_key(WEAK, seen),
        kind=WEAK,
        severity=Severity.INFO if all(each.is_minor for each in found) else Severity.WARNING,
        title=f"The certificate of {seen.app} in {seen.org} {found[0].what}",
        text=words.sentences(*(each.sentence for each in found)),
        meanwhile="No login by JWT succeeds with it." if seen.fits_no_login else "It goes on being used.",
        to_do=_stronger(life),
        org=seen.org,
        app=seen.app,
        type=seen.type,
        credential=seen.credential,
        fingerprint=seen.fingerprint or None,
        facts=_facts(seen) | ({"Valid from": words.moment(life.valid_from)} if life.valid_from else {}),
    )


def _stronger(life: CertificateLife) -> str:
    """What a person does about a weak one."""
    name = life.seen.credential
    if name is None:
        return "Replace it when you can."
    if life.is_revoked:
        return f"{nobody_logs_in(name)} {how_to_end(name, [RevocationStep.CERTIFICATE])} ends this key, too."
    return f"`rotate now {name}` replaces it."


class _Weakness(NamedTuple):
    what: str
    """What the certificate is, after its name."""
    sentence: str
    is_minor: bool = False


def _weaknesses(life: CertificateLife, longest_lifetime: timedelta) -> Iterator[_Weakness]:
    """The worst first."""
    seen = life.seen
    # Of the org's own certificates no algorithm is told: Salesforce makes RSA keys only.
    algorithm = seen.key_algorithm or RSA
    least = _LEAST_BITS.get(algorithm, 0)
    if seen.fits_no_login:
        yield _Weakness("is unusable", f"Its key is {algorithm}, and logins by JWT take RSA keys only (RS256).")
    if seen.key_bits and seen.key_bits < least:
        yield _Weakness("is weak", f"Its {algorithm} key has {seen.key_bits} bits, and should have {least} at least.")
    if seen.signature_algorithm.lower() in _BROKEN_HASHES:
        yield _Weakness("is weak", f"It is signed with {seen.signature_algorithm.upper()}, which can be forged.")
    if life.valid_from:
        yield _Weakness(
            "is not yet valid",
            f"It is not valid before {words.moment(life.valid_from)}: logins with it may be refused until then.",
        )
    if lasts_longer(seen.not_before, seen.not_after, longest_lifetime):
        limit = words.exact(longest_lifetime)
        too_long = f"It is valid for longer than {limit} (`alerts.longest_lifetime`)."
        yield _Weakness("is valid for too long", too_long, is_minor=True)


def ending(alert: Alert, here: Sequence[CertificateLife], now: datetime, longest_lifetime: timedelta) -> str | None:
    """Why the alert of a certificate is over, by what is there of that name now; None while it goes on."""
    if not here:
        return f"{alert.app} is gone from {alert.org}."
    if any(life.state is CertificateState.UNREADABLE for life in here):
        return None
    ours = next((life for life in here if certificate_key(alert.kind, life.seen) == alert.key), None)
    if ours is None:
        return _replaced(alert, here[0].seen)
    if ours.rests:
        return _resting(ours)
    if alert.kind == EXPIRY:
        return _too_early(alert, ours, now)
    return None if weakness_of(ours, longest_lifetime) else _not_weak(alert, ours.seen)


def _not_weak(alert: Alert, seen: ObservedCertificate) -> str:
    """What has changed, though the certificate is the same."""
    if seen.not_before and is_ahead(seen.not_before, alert.opened_at):
        return f"It is valid since {words.moment(seen.not_before)}."
    return "It is as it should be, by what `alerts.longest_lifetime` is now."


def _replaced(alert: Alert, there: ObservedCertificate) -> str:
    if there.not_after is None and there.kind is Kind.CLIENT_SECRET:
        return f"{alert.app} uses another consumer key and secret."
    if there.not_after is None:
        return f"{alert.app} holds no certificate any more."
    if there.is_throwaway:
        return f"Its key was ended: {alert.app} holds a certificate whose key nobody has."
    by = f" by {words.short(there.fingerprint)}" if there.fingerprint else ""
    return f"Replaced{by}, which is valid until {words.day(there.not_after)}."


def _resting(life: CertificateLife) -> str:
    there = life.seen
    if life.is_revoked:
        return nobody_logs_in(there.credential or "Its credential")
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
