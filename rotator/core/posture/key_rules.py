"""The rules about keys and client secrets: where they are kept, how strong and how old they are, who shares them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from rotator.core import words
from rotator.core.crypto.names import RSA, SMALLEST_EXPONENT, WEAKEST
from rotator.core.logins import GENERIC_HOSTS
from rotator.core.posture.facts import AppFacts, Hidden, KeyFacts
from rotator.core.posture.judgements import judged, sound, unsound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotator.core.posture.facts import CredentialFacts, OrgFacts, Posture
    from rotator.core.posture.judgements import Judgement, Outcome

_WEAK_HASHES: Final = frozenset({"md2", "md4", "md5", "sha1"})


def in_files(credential: CredentialFacts, posture: Posture) -> Judgement:
    """Whether it is kept in files though there is a vault; nothing to say where there is none."""
    if not posture.vaults:
        return None
    if credential.is_in_files:
        return unsound(f"It is kept in files, and {_named('vault', posture.vaults)} is configured.")
    return sound("It is kept in a vault.")


def _named(noun: str, names: tuple[str, ...]) -> str:
    return f"the {noun} {names[0]}" if len(names) == 1 else f"the {noun}s {words.listed(names)}"


def copies(credential: CredentialFacts, _: Posture) -> Judgement:
    """Whether somebody may find it elsewhere, as far as the program knows of it."""
    if isinstance(credential.copies, Hidden):
        return credential.copies
    if credential.copies:
        return unsound(f"It is also {words.listed(credential.copies)}.")
    return sound("No copy of it is known.")


def _of_key(rule: Callable[[KeyFacts], Outcome]) -> Callable[[CredentialFacts, Posture], Judgement]:
    """The rule, asked of the key that consumers log in with."""

    def ask(credential: CredentialFacts, _: Posture) -> Judgement:
        if isinstance(credential.current, Hidden):
            return credential.current
        if credential.current is None or credential.current.is_secret:
            return None
        return rule(credential.current)

    return ask


def size_of(key: KeyFacts) -> Outcome:
    """Whether it can be factored."""
    # Of another kind of key the bits say something else, and `key-algorithm` says what is wrong.
    return judged(is_sound=key.algorithm != RSA or key.bits >= WEAKEST, seen=f"The key has {key.bits} bits.")


def exponent_of(key: KeyFacts) -> Outcome:
    """Whether it is as large as it should be."""
    if key.algorithm != RSA:
        return sound("The key has none, as it is no RSA key.")
    return judged(is_sound=key.exponent >= SMALLEST_EXPONENT, seen=f"The exponent is {key.exponent}.")


def algorithm_of(key: KeyFacts) -> Outcome:
    """Whether the key can sign for a login by JWT, and its certificate cannot be forged."""
    is_strong = key.algorithm == RSA and key.hash not in _WEAK_HASHES
    return judged(is_sound=is_strong, seen=f"The key is {key.algorithm}, and its certificate signed with {key.hash}.")


size = _of_key(size_of)
exponent = _of_key(exponent_of)
algorithm = _of_key(algorithm_of)


def lifetime(credential: CredentialFacts, _: Posture) -> Judgement:
    """Whether its certificate is valid for longer than the policy wants; a day more is for clocks and leap years."""
    key = credential.current
    if isinstance(key, Hidden):
        return key
    if key is None or key.is_secret:
        return None
    span, wanted = key.not_after - key.not_before, credential.lifetime.days
    seen = f"Its certificate is valid for {words.count(span.days, 'day')}, and the policy says {wanted}."
    return judged(is_sound=span.days <= wanted + 1, seen=seen)


def age(credential: CredentialFacts, posture: Posture) -> Judgement:
    """Whether it should have been replaced by now."""
    key = credential.current
    if isinstance(key, Hidden) or key is None:
        return key
    old, most = posture.now - key.not_before, credential.lifetime - credential.rotate_before
    seen = f"It is {words.count(old.days, 'day')} old, and is to be replaced after {words.count(most.days, 'day')}."
    return judged(is_sound=old <= most, seen=seen)


def shared(credential: CredentialFacts, posture: Posture) -> Judgement:
    """Whether another credential, or an app that is not its own, has the same key."""
    key = credential.current
    if isinstance(key, Hidden) or key is None:
        return key
    # Of a revoked one the others tell that they have its key: they are to be rotated, and it is not.
    credentials = [] if credential.is_revoked else _credentials_with(key, credential, posture)
    others = [*credentials, *_apps_with(key, credential, posture)]
    if others:
        return unsound(f"It is also that of {words.listed(others)}.")
    hidden = None if key.is_secret else next(_unseen(posture), None)
    return hidden or sound("Nothing else has it.")


def _unseen(posture: Posture) -> Iterator[Hidden]:
    """What may have the same key, and does not show it: what credentials log in through is known by their stores."""
    managed = posture.managed_apps
    for org in posture.orgs.values():
        if isinstance(org.apps, Hidden):
            yield org.apps
        for app in _apps_of(org):
            if isinstance(app.key, Hidden) and app.identity(org.name) not in managed:
                yield app.key


def _credentials_with(key: KeyFacts, mine: CredentialFacts, posture: Posture) -> Iterator[str]:
    for other in posture.credentials.values():
        theirs = other.current
        is_same = isinstance(theirs, KeyFacts) and theirs.public_fingerprint == key.public_fingerprint
        if other.name != mine.name and is_same:
            yield f"the credential {other.name}{', which was revoked' if other.is_revoked else ''}"


def _apps_with(key: KeyFacts, mine: CredentialFacts, posture: Posture) -> Iterator[str]:
    theirs = posture.managed_apps  # Those are found by their credentials.
    for org in posture.orgs.values():
        for app in _apps_of(org):
            held = app.key
            is_same = isinstance(held, KeyFacts) and held.public_fingerprint == key.public_fingerprint
            if is_same and app.identity(org.name) not in theirs:
                where = "" if org.name == mine.org else f" in {org.name}"
                yield f"the app {app.name}{where}"


def _apps_of(org: OrgFacts) -> tuple[AppFacts, ...]:
    return () if isinstance(org.apps, Hidden) else org.apps


def second_app(credential: CredentialFacts, _: Posture) -> Judgement:
    """Whether a rotation may refuse consumers; a client secret has room for a second one in one app."""
    if credential.is_secret:
        return None
    if len(credential.apps) > 1:
        return sound(f"{words.listed(credential.apps)} take turns.")
    return unsound(f"{credential.apps[0]} is its only app.")


def assertion_lifetime(credential: CredentialFacts, posture: Posture) -> Judgement:
    """Whether an assertion of the program's can be used again for longer than it takes to send it."""
    if credential.is_secret:
        return None
    span = posture.rules.assertion_lifetime
    seen = f"Those of rotator are valid for {words.exact(span)}; those of consumers their own code makes."
    return judged(is_sound=span <= _LONGEST_ASSERTION, seen=seen)


_LONGEST_ASSERTION: Final = timedelta(minutes=3)


def assertion_audience(credential: CredentialFacts, _: Posture) -> Judgement:
    """Whether its logins are asked for at the org's own host, and its assertions say so."""
    named = {"login_url": credential.login_url}
    if not credential.is_secret:
        named["audience"] = credential.audience
    generic = [f"`{name}` is {url}" for name, url in named.items() if urlsplit(url).hostname in GENERIC_HOSTS]
    if generic:
        return unsound(f"{words.listed(generic)}, a host of all orgs.")
    return sound(f"They name {words.listed(dict.fromkeys(named.values()))}.")
