"""What the apps of a credential hold that is not as it is to be, or not proven yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rotator.core.lifecycle.revocation import Revocation
    from rotator.core.observed import KnownVersion, ObservedApp, ObservedCredential


def drifted(seen: ObservedCredential) -> bool:
    """Whether the app that `current` logs in through holds a certificate that is not ours to expect there.

    Or, of client secrets, whether somebody has put a pair in use that is not stored here.
    """
    current, pending = seen.current, seen.pending
    if current is None:
        return False
    app = seen.apps.get(current.app)
    if app is not None and app.by_secret and app.live not in seen.stored:
        return True
    if seen.may_be_live(current):
        return False
    if pending is None or pending.app != current.app or (app is not None and app.refuses_stored and not app.ours):
        return True
    return seen.live(current.app) not in {pending.fingerprint, None}


def has_other_consumer_key(seen: ObservedCredential) -> bool:
    """Whether the app of `current` has another consumer key than is stored with it, and may be as it was in all else.

    Of an app that does not show its certificate, a refused login says nothing more then.
    """
    current = seen.current
    return current is not None and seen.has_old_client_id(current) and (refuses_stored(seen) or not drifted(seen))


def changed_by_hand(seen: ObservedCredential) -> bool:
    """Whether consumers of `current` are refused, or will be, for what somebody changed of its app."""
    return drifted(seen) or has_other_consumer_key(seen)


def refuses_stored(seen: ObservedCredential | None) -> bool:
    """Whether the app of `current` does not show its certificate, and refuses the key of every stored version."""
    app = seen.apps.get(seen.current.app) if seen and seen.current else None
    return app is not None and app.refuses_stored


def is_drift(seen: ObservedCredential, app: str) -> bool:
    """Whether one of a credential's apps holds what nobody here knows, though the credential is in its store."""
    if seen.is_slot_of_current(app):
        return drifted(seen)
    observed = seen.apps[app]
    if observed.refuses_stored:
        return seen.current is not None and not observed.ours
    if seen.current is None or observed.live is None:
        return False
    return observed.live not in seen.stored and not observed.throwaway


def undone(seen: ObservedCredential, revoked: Revocation) -> bool:
    """Whether an app of a revoked credential holds another certificate than the one that ended its key."""
    return bool(undone_apps(seen, revoked))


def undone_apps(seen: ObservedCredential, revoked: Revocation) -> list[ObservedApp]:
    """The apps that do. Nobody can put a pair back, so one that is stored was not ended yet, or is the next."""
    return [
        app
        for name, app in seen.apps.items()
        if name in revoked.ended_by
        and not app.hidden
        and app.live not in {None, revoked.ended_by[name]}
        and not (app.by_secret and app.live in seen.stored)
    ]


def is_unproven(seen: ObservedCredential, app: str) -> bool:
    """Whether one of a credential's apps holds the certificate of a version that is yet to log in, or may hold it.

    A version that comes back has logged in through the other app of a pair, and may do so still.
    """
    pending, live = seen.pending, seen.live(app)
    if pending is not None and seen.apps[app].is_unknown:
        return pending.app == app and pending != seen.previous
    if pending is None or live != pending.fingerprint or (seen.current and live == seen.current.fingerprint):
        return False
    return pending != seen.previous or seen.is_slot_of_current(app)


def standing_for(seen: ObservedCredential, app: str) -> KnownVersion | None:
    """The stored version that an app holds which does not show it: the one that logins have proven, else current.

    None where no stored version is known to be there.
    """
    observed, current = seen.apps[app], seen.current
    proven = seen.version(observed.live)
    if proven is not None and proven.app == app:
        return proven
    return current if observed.is_unknown and current and current.app == app else None


def is_standby(seen: ObservedCredential, app: str) -> bool:
    """Whether an app is the one of two that is not in use now."""
    return seen.current is not None and not seen.is_slot_of_current(app) and not is_drift(seen, app)
