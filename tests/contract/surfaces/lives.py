"""What may befall a credential: lived by the service's own code, over a store and an org in memory, a real history."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from rotator.core.actor import Actor
from rotator.core.credentials import Stages, key_version
from rotator.core.crypto.certificates import throwaway
from rotator.core.decision.options import RotationOptions
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import Kind, ObservedCertificate
from rotator.errors import OrgUnavailable, StoreUnavailable
from rotator.services.rotation.requests import Request
from rotator.testing.versions import make_version
from tests.contract.surfaces.gone import damaged, lost, lost_after, org_away, rotated, store_away, stored
from tests.contract.surfaces.revoked import half_revoked, revoked_after, revoked_and_changed
from tests.unit.services.bench import BACK, FINISH, NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotator.core.credentials import Version
    from rotator.core.crypto.certificates import Certificate
    from tests.unit.services.bench import Bench
    from tests.unit.services.cycle_bench import CycleBench

DAY = timedelta(days=1)
ONE, PAIR = "Billing", "Warehouse_A, Warehouse_B"
COMPROMISED = Request("replace", Actor("alex@laptop"), trigger="compromised")
RETIRE_NOW = replace(NOW, options=RotationOptions(retire_now=True))
RESTORE = Request("restore", Actor("alex@laptop"))


def passes(one: CycleBench, days: float) -> None:
    one.bench.time += days * DAY


def refuse(outcome: LoginOutcome, *, but: Version | None = None) -> Callable[[Version], LoginAnswer | None]:
    """Every test login is answered so, but those with the key of one version."""
    return lambda version: None if but and version.fingerprint == but.fingerprint else LoginAnswer(outcome, "so it is")


def grown_old(one: CycleBench, days: float) -> None:
    stored(one, days=days)


def valid_from_tomorrow(one: CycleBench) -> None:
    """Somebody adopted a key pair whose certificate begins tomorrow; the org does not mind."""
    passes(one, 1)
    stored(one)
    passes(one, -1)


def rotated_and(one: CycleBench, days: float) -> None:
    rotated(one)
    passes(one, days)


def expired(one: CycleBench) -> None:
    stored(one, days=2)
    passes(one, 3)


def retired_at_once(one: CycleBench) -> None:
    stored(one)
    one.bench.handle(RETIRE_NOW)


def brought_back(one: CycleBench, days: float, after: float = 1) -> None:
    """An older version, with so many days left when it comes back."""
    stored(one, days=days + 2)
    one.bench.handle()
    passes(one, 2)
    one.bench.handle(BACK)
    passes(one, after)


def adopted_an_older_one(one: CycleBench) -> None:
    stored(one)
    older = one.bench.version(one.bench.current.app, days=20)
    one.bench.live[older.app] = older.certificate
    one.bench.rotation_service().adopt(Request("adopt", Actor("alex@laptop")), older)
    passes(one, 1)


def crashed(one: CycleBench, event: str, days: float = 0, request: Request = NOW) -> None:
    stored(one, days=60)
    one.bench.die_before(event, lambda service: service.handle(request))
    passes(one, days)


def ended_after_a_crash(one: CycleBench) -> None:
    """It was killed between the promotion and the end of its rotation; the next process ends it days later."""
    crashed(one, "promote")
    passes(one, 4)
    one.bench.handle(FINISH)
    passes(one, 1)


def halted_unproven(one: CycleBench) -> None:
    """The org's answers to the new key prove nothing: the run stops, and goes on from there one day."""
    old = stored(one, days=20)
    one.bench.refuses = refuse(LoginOutcome.TRANSIENT, but=old)
    one.bench.handle()


def halted_after_the_upload(one: CycleBench) -> None:
    """The new key was refused as it must be, until its certificate was there: since then the org says nothing of it."""
    old = stored(one, days=20)
    one.bench.on_write = lambda _: setattr(one.bench, "refuses", refuse(LoginOutcome.TRANSIENT, but=old))
    one.bench.handle()


def halted_again(one: CycleBench) -> None:
    """Nothing was proven by the second try."""
    halted_after_the_upload(one)
    passes(one, 0.1)
    one.bench.handle(FINISH)


def halted_and_mended(one: CycleBench, *, proven: bool) -> None:
    """Somebody puts current's certificate back in Setup; `rotate restore` proves its key."""
    halted_after_the_upload(one)
    by_hand(one.bench, one.bench.current.certificate)
    if proven:
        one.bench.on_write, one.bench.refuses = lambda _: None, lambda _: None
        one.bench.handle(RESTORE)


def runs(one: CycleBench) -> None:
    """Another process has just sent a certificate to the app, and is at work still."""
    crashed(one, "upload")
    at_work(one)


def runs_again(one: CycleBench) -> None:
    """One stopped for a person, and another process has begun to try again."""
    halted_after_the_upload(one)
    at_work(one)


def at_work(one: CycleBench) -> None:
    one.at_end.enter_context(one.context.database.rotation_locks(one.bench.now).hold(one.bench.credential))


def reverted(one: CycleBench) -> None:
    old = stored(one, days=20)
    one.bench.refuses = refuse(LoginOutcome.MISMATCH, but=old)
    one.bench.handle()


def halted_on_the_way_back(one: CycleBench) -> None:
    """The old certificate is back, and its key is refused as well."""
    stored(one, days=20)
    one.bench.on_write = lambda _: setattr(one.bench, "refuses", refuse(LoginOutcome.MISMATCH))
    one.bench.handle()


def changed_by_hand(one: CycleBench) -> None:
    rotated(one)
    one.bench.live[one.bench.current.app] = one.bench.version(one.bench.current.app).certificate


def emptied_by_hand(one: CycleBench) -> None:
    rotated(one)
    one.bench.live[one.bench.current.app] = None


def previous_put_back_by_hand(one: CycleBench) -> None:
    rotated(one)
    store = one.bench.store
    assert store.staged.previous
    one.bench.live[one.bench.current.app] = key_version(store.versions[store.staged.previous]).certificate


def never_stored(one: CycleBench) -> None:
    apps = one.bench.settings.credentials[one.bench.credential].app_names
    one.bench.live = {app: one.bench.version(app, days=44).certificate for app in apps}


def needs_a_person(one: CycleBench) -> None:
    """The service has tried for days."""
    old = stored(one, days=20)
    one.bench.refuses = refuse(LoginOutcome.CONFIGURATION)
    for _ in range(8):
        one.work()
        passes(one, 0.5)
    one.bench.refuses = refuse(LoginOutcome.CONFIGURATION, but=old)


def changed_while_it_is_put_back(one: CycleBench) -> None:
    """Somebody puts another certificate on the app, while the one that was asked for is not proven yet."""
    stored(one)
    one.bench.refuses = refuse(LoginOutcome.MISMATCH)
    one.bench.handle(RESTORE)
    by_hand(one.bench, one.bench.version("Billing").certificate)


def standby_has_expired(one: CycleBench) -> None:
    """The version that the other app still holds has ended; the pair goes its way."""
    stored(one, days=3)
    one.bench.handle()
    passes(one, 4)


def standby_is_unknown(one: CycleBench) -> None:
    rotated_and(one, 8)
    one.bench.handle(FINISH)
    standby = next(app for app in ("Warehouse_A", "Warehouse_B") if app != one.bench.current.app)
    one.bench.live[standby] = one.bench.version(standby, days=10).certificate


def due_while_consumers_use_the_other_app(one: CycleBench) -> None:
    """The new version is due already, and the one before keeps its grace."""
    stored(one, days=20)
    one.bench.handle()
    store = one.bench.store
    short = replace(one.bench.version(one.bench.current.app, days=25))
    store.versions[short.fingerprint] = short
    store.staged = Stages(current=short.fingerprint, previous=store.staged.previous)
    one.bench.live[short.app] = short.certificate


@dataclass(frozen=True)
class Life:
    """What befalls a credential, and what all surfaces say then."""

    live: Callable[[CycleBench], None]
    says: str
    apps: str = ONE
    name: str = field(default="")

    def __str__(self) -> str:
        return self.name


def lives() -> Iterator[Life]:
    both = [
        ("rotated, in its grace", rotated, "ok"),
        ("its grace is over", lambda one: rotated_and(one, 9), "ok"),
        ("rotated, its grace ended at once", retired_at_once, "ok"),
        ("not valid before tomorrow", valid_from_tomorrow, "not yet valid"),
        ("due in a fortnight", lambda one: grown_old(one, 44), "ok"),
        ("due", lambda one: grown_old(one, 29), "due"),
        ("late", lambda one: grown_old(one, 10), "due (warning)"),
        ("very late", lambda one: grown_old(one, 2), "due (critical)"),
        ("expired", expired, "expired"),
        ("brought back", lambda one: brought_back(one, 20), "deferred"),
        ("brought back, late", lambda one: brought_back(one, 6), "deferred (warning)"),
        ("brought back, its time is over", lambda one: brought_back(one, 20, after=8), "due (warning)"),
        ("an older one adopted", adopted_an_older_one, "deferred"),
        ("killed before it made a key", lambda one: crashed(one, "generate"), "unfinished"),
        ("killed before the upload", lambda one: crashed(one, "upload_begins"), "unfinished"),
        ("killed before it was written that it is current", lambda one: crashed(one, "promote"), "unfinished"),
        ("killed so, days ago", lambda one: crashed(one, "promote", 6), "unfinished"),
        ("killed so, in a hurry", lambda one: crashed(one, "promote", request=COMPROMISED), "unfinished"),
        ("ended days after it was killed", ended_after_a_crash, "ok"),
        ("halted: nothing proves the new key", halted_unproven, "halted"),
        ("drift", changed_by_hand, "drift"),
        ("drift: no certificate", emptied_by_hand, "drift"),
        ("drift: the previous one", previous_put_back_by_hand, "drift"),
        ("never stored", never_stored, "not stored"),
        ("gone from its store", lost, "not stored (critical)"),
        (
            "gone from its store before the upload",
            lost_after(lambda one: crashed(one, "upload_begins")),
            "not stored (critical)",
        ),
        ("its store is away", store_away, "unknown"),
        ("a version is damaged", damaged, "unknown"),
        ("its org is away", org_away, "unknown"),
        ("revoked", revoked_after(rotated), "revoked"),
        ("revoked when it was due for long", revoked_after(lambda one: grown_old(one, 2)), "revoked"),
        ("revoked after a halt", revoked_after(halted_after_the_upload), "revoked"),
        ("revoked, and that was interrupted", half_revoked, "revoked (critical)"),
        ("revoked, and changed by hand", revoked_and_changed, "drift"),
    ]
    for name, live, says in both:
        yield Life(live, says, ONE, f"one app: {name}")
        yield Life(live, says, PAIR, f"two apps: {name}")
    yield Life(reverted, "due (warning)", ONE, "one app: reverted, so that consumers were refused for a while")
    yield Life(reverted, "due", PAIR, "two apps: reverted")
    for live, name in (
        (halted_after_the_upload, "halted after the upload"),
        (halted_again, "halted, and halted again"),
        (lambda one: halted_and_mended(one, proven=False), "halted, mended by hand, not proven"),
    ):
        yield Life(live, "refused", ONE, f"one app: {name}")
        yield Life(live, "halted", PAIR, f"two apps: {name}")
    for live, name, word in (
        (lambda one: crashed(one, "upload"), "killed after the upload", "unfinished"),
        (lost_after(halted_after_the_upload), "gone from its store after a halt", "not stored (critical)"),
        (runs, "runs", "running"),
    ):
        yield Life(live, "refused", ONE, f"one app: {name}")
        yield Life(live, word, PAIR, f"two apps: {name}")
    for apps, number in ((ONE, "one app"), (PAIR, "two apps")):
        mended = partial(halted_and_mended, proven=True)
        yield Life(needs_a_person, "halted", apps, f"{number}: needs a person")
        yield Life(mended, "due", apps, f"{number}: halted, mended by hand, and proven")
    yield Life(runs_again, "refused", ONE, "one app: halted, and tried again just now")
    yield Life(runs_again, "running (warning)", PAIR, "two apps: halted, and tried again just now")
    yield Life(changed_while_it_is_put_back, "drift", ONE, "one app: changed while it is put back")
    yield Life(halted_on_the_way_back, "refused", ONE, "one app: halted on the way back")
    yield Life(standby_has_expired, "ok", PAIR, "two apps: the one that rests has expired")
    yield Life(standby_is_unknown, "ok", PAIR, "two apps: nobody knows what the one that rests holds")
    yield Life(due_while_consumers_use_the_other_app, "due", PAIR, "two apps: due, and the other app is in use")


def unmanaged(one: CycleBench) -> None:
    """What nobody rotates, of every kind and age."""
    rotated(one)
    now = one.bench.time

    def at(app: str, days: float, kind: Kind = Kind.APP) -> ObservedCertificate:
        made = make_version(app=app, now=now - 400 * DAY, lifetime=(400 + days) * DAY).certificate
        return ObservedCertificate(org="production", app=app, type=kind).holding(made)

    one.outside.others += [
        *(at(f"App_{days}", days) for days in (400, 61, 44, 30, 13, 2, -3)),
        at("Portal", 44, Kind.APP_SAML),
        *(at(f"External_{days}", days, Kind.EXTERNAL_APP) for days in (44, 2, -3)),
        at("Okta", 13, Kind.IDENTITY_PROVIDER),
        ObservedCertificate(org="production", app="Signing", type=Kind.CERTIFICATE, not_after=now + 2 * DAY),
        ObservedCertificate(org="production", app="Ended").holding(throwaway(now=now - 4000 * DAY)),
        ObservedCertificate(org="production", app="Bare"),
        replace(at("From_tomorrow", 400), not_before=now + DAY),
        *(replace(at(app, days), key_algorithm="EC") for app, days in (("Elliptic", 400), ("Elliptic_soon", 13))),
    ]


# Lives that nobody thought of: any of these, one after another.
DEEDS: dict[str, Callable[[CycleBench], object]] = {
    "rotate": lambda one: one.bench.handle(),
    "rotate in a hurry": lambda one: one.bench.handle(RETIRE_NOW),
    "compromised": lambda one: one.bench.handle(COMPROMISED),
    "back": lambda one: one.bench.handle(BACK),
    "restore": lambda one: one.bench.handle(RESTORE),
    "finish": lambda one: one.bench.handle(FINISH),
    "the service works": lambda one: one.work(),
    "crash before the upload": lambda one: one.bench.die_before("upload_begins"),
    "crash after the upload": lambda one: one.bench.die_before("upload"),
    "crash after the promotion": lambda one: one.bench.die_before("promote"),
    "logins prove nothing": lambda one: setattr(one.bench, "refuses", refuse(LoginOutcome.TRANSIENT)),
    "logins are refused": lambda one: setattr(one.bench, "refuses", refuse(LoginOutcome.MISMATCH)),
    "logins succeed": lambda one: setattr(one.bench, "refuses", lambda _: None),
    "somebody changes the app": lambda one: by_hand(one.bench, one.bench.version("Billing").certificate),
    "somebody empties the app": lambda one: by_hand(one.bench, None),
    "the store is away": lambda one: setattr(one.outside, "store_fails", StoreUnavailable("Away.", hint="Wait.")),
    "the store is there": lambda one: setattr(one.outside, "store_fails", None),
    "the org is away": lambda one: setattr(one.outside, "org_fails", OrgUnavailable("Away.", hint="Wait.")),
    "the org is there": lambda one: setattr(one.outside, "org_fails", None),
    "a day passes": lambda one: passes(one, 1),
    "a week passes": lambda one: passes(one, 7),
    "eleven months pass": lambda one: passes(one, 335),
    "another process is at work": at_work,
    "nobody is at work": lambda one: one.at_end.close(),
    "the key is refused after the upload": lambda one: setattr(
        one.bench, "on_write", lambda _: setattr(one.bench, "refuses", refuse(LoginOutcome.TRANSIENT))
    ),
}


def by_hand(bench: Bench, certificate: Certificate | None) -> None:
    """Somebody puts a certificate on the app in use."""
    app = bench.current.app if bench.store.staged.current else bench.settings.credentials[bench.credential].app_names[0]
    bench.live[app] = certificate
