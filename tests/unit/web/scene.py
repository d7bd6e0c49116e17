"""Histories to show on pages: a company's, an empty one, and one of very many apps."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rotator.config.settings import Settings
from rotator.core.actor import Actor
from rotator.core.alert import NewAlert
from rotator.core.attempts import AttemptBackOff, AttemptRecord
from rotator.core.credentials import Fingerprint
from rotator.core.observed import KnownVersion, ObservedApp, ObservedCertificate, ObservedCredential
from rotator.core.severity import Severity
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import OPENED, Outbox
from rotator.history.attempt_records import AttemptRecords
from rotator.history.engine.transactions import Within
from rotator.history.journal.journal import Journal
from rotator.history.last_observations import LastObservations
from rotator.history.records import NewRotation
from rotator.history.sightings import last_sightings, record_sightings
from rotator.services.alerting.rules import AlertRules
from rotator.services.inventory.ownership import certificates_known

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.history.engine.database import Database
    from rotator.history.engine.transactions import Transactions

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
FOREVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

_LOGIN = {"client_id": "3MVG9_management", "username": "rotator@example.com", "private_key": {"env": "KEY"}}


def settings_of(
    orgs: tuple[str, ...] = ("production",),
    credentials: dict[str, Any] | None = None,
    channels: tuple[str, ...] = (),
) -> Settings:
    """A configuration with these orgs and no more than is asked for."""
    return Settings.model_validate(
        {
            "database": "sqlite:////nowhere.db",
            "orgs": {name: {"login_url": f"https://{name}.my.salesforce.com", "login": _LOGIN} for name in orgs},
            "stores": {"keys": {"type": "files", "path": "/nowhere/keys"}},
            "credentials": {
                name: {"store": "keys", "username": f"{name}@example.com"} | each
                for name, each in (credentials or {}).items()
            },
            "alerts": {
                "channels": {
                    name: {"type": "slack", "token": {"env": "TOKEN"}, "channel": "C0123456789"} for name in channels
                }
            },
        }
    )


def fingerprint_of(name: str) -> str:
    """A fingerprint that is always the same for a name."""
    return hashlib.sha256(name.encode()).hexdigest()


def sighting(
    org: str, app: str, not_after: datetime, *, fingerprint: str = "", type_: str = "ConnectedApp", subject: str = ""
) -> ObservedCertificate:
    """An app with a certificate that was valid for two years at the most."""
    return ObservedCertificate(
        org=org,
        app=app,
        type=type_,
        fingerprint=fingerprint or fingerprint_of(f"{org} {app} {not_after}"),
        subject=subject or f"CN={app}",
        issuer=subject or f"CN={app}",
        not_before=min(not_after - 365 * DAY, NOW - 10 * DAY),
        not_after=not_after,
        key_algorithm="RSA",
        key_bits=2048,
        signature_algorithm="sha256",
        serial_number=0xC0FFEE,
        last_modified_at=NOW - 40 * DAY,
        last_modified_by="Kim Example",
    )


def version(seen: ObservedCertificate) -> KnownVersion:
    """The stored version of a certificate."""
    assert seen.not_after
    return KnownVersion(Fingerprint(seen.fingerprint), seen.app, f"key of {seen.fingerprint}", seen.not_after)


def observe(
    database: Transactions,
    credential: str,
    *held: ObservedCertificate,
    current: ObservedCertificate | None = None,
    previous: ObservedCertificate | None = None,
    pending: ObservedCertificate | None = None,
    promoted_at: datetime | None = None,
) -> None:
    """An observation of a credential whose apps hold these certificates, that of the current version first."""
    seen = ObservedCredential(
        {each.app: ObservedApp.of(each.app, each) for each in held},
        current=version(current or held[0]) if held else None,
        previous=version(previous) if previous else None,
        pending=version(pending) if pending else None,
        promoted_at=promoted_at or NOW - 60 * DAY,
    )
    LastObservations(database).put(credential, seen, NOW, NOW)


def rotate(
    database: Database, credential: str, *, at: datetime, outcome: str = "rotated", old: str = "", new: str = "",
    org: str = "production", strategy: str = "in_place", gap: float | None = 4.2, why: str = "",
    goal: str = "replace",
) -> str:  # fmt: skip
    """A rotation with its usual steps; the id."""
    journal = Journal(database)
    rotation = journal.begin_rotation(
        NewRotation(
            credential=credential, org=org, strategy=strategy, trigger="schedule", actor="rotator on crm-1",
            reason="due", replaces=old or None, goal=goal,
        ),
        at,
    )  # fmt: skip
    steps = ("generate", "upload", "verify", "verify", "promote") if outcome == "rotated" else ("generate", "upload")
    for number, kind in enumerate(steps, 1):
        later = at + number * timedelta(seconds=9)
        details: dict[str, Any] = {"version": new, "app": "Billing", "why": "it has its turn", "succeeded": True}
        journal.record(kind, now=later, credential=credential, rotation_id=rotation.id, **details)
    journal.finish_rotation(
        rotation.id, outcome=outcome, now=at + timedelta(seconds=55), why=why or "Another version is current.",
        old_fingerprint=old or None, new_fingerprint=new or None, gap_seconds=gap,
    )  # fmt: skip
    return rotation.id


def empty(_database: Database) -> Settings:
    """One org without an inventory yet."""
    return settings_of()


COMPANY: dict[str, dict[str, Any]] = {
    "billing": {"org": "production", "apps": ["Billing"]},
    "warehouse": {"org": "production", "apps": ["Warehouse_A", "Warehouse_B"]},
    "telephony": {"org": "production", "apps": ["Telephony"]},
    "support": {"org": "emea", "apps": ["Support_Portal"]},
    "management": {
        "org": "emea",
        "apps": ["Rotator_Management"],
        "windows": [{"days": ["sat"], "since": "02:00", "until": "05:00"}],
    },
}

_ELSEWHERE = {
    ("production", "Marketing_Sync"): -12.2,
    ("production", "Data_Loader_Nightly"): 2.4,
    ("emea", "Invoice_Archive"): 11.6,
    ("production", "Field_Service_Mobile"): 26,
    ("uat", "Billing_Test"): 41,
    ("emea", "Partner_Gateway"): 74,
    ("production", "Event_Bridge"): 96,
    ("uat", "Warehouse_Test"): 133,
    ("uat", "Legacy_Import"): 171,
    ("emea", "Consent_Service"): 230,
    ("production", "Snowflake_Export"): 305,
    ("uat", "Load_Test"): 388,
    ("production", "Fax_Gateway"): 1290,
}


def company_settings() -> Settings:
    """What stands in the company's configuration."""
    return settings_of(("production", "emea", "uat"), COMPANY, ("crm-team", "on-call"))


def company(database: Database) -> Settings:
    """Three orgs, five managed credentials, and something of everything that may happen."""
    settings = company_settings()
    current = {name: fingerprint_of(f"{name} now") for name in COMPANY}
    before = {name: fingerprint_of(f"{name} before") for name in COMPANY}
    managed = {
        "billing": sighting("production", "Billing", NOW + 201 * DAY, fingerprint=current["billing"]),
        "warehouse": sighting("production", "Warehouse_B", NOW + 358 * DAY, fingerprint=current["warehouse"]),
        "telephony": sighting("production", "Telephony", NOW + 5.5 * DAY, fingerprint=current["telephony"]),
        "support": sighting("emea", "Support_Portal", NOW + 52 * DAY, fingerprint=current["support"]),
        "management": sighting("emea", "Rotator_Management", NOW + 29 * DAY, fingerprint=current["management"]),
    }
    standby = sighting("production", "Warehouse_A", NOW + 60 * DAY, fingerprint=before["warehouse"])
    seen = [sighting(org, app, NOW + days * DAY) for (org, app), days in _ELSEWHERE.items()]
    seen += [
        *managed.values(),
        standby,
        sighting("emea", "ADFS", FOREVER, type_="SamlSsoConfig", subject="CN=adfs.example.com, O=Example, C=DE"),
        ObservedCertificate(org="uat", app="Empty_App"),
        ObservedCertificate(
            org="emea", app="SelfSignedCert_2024", type="Certificate", not_after=NOW + 19 * DAY, key_bits=2048
        ),
    ]
    record_sightings(database, seen, NOW - timedelta(minutes=20))
    for name, held in managed.items():
        if name == "warehouse":
            observe(database, name, held, standby, previous=standby, promoted_at=NOW - 2 * DAY)
        else:
            observe(database, name, held)
    for days, (name, each) in enumerate(COMPANY.items(), 1):
        rotate(
            database, name, at=NOW - days * 60 * DAY, old=before[name], new=current[name], org=each["org"],
            strategy=settings.credentials[name].strategy, gap=None if name == "warehouse" else 3.1 * days,
        )  # fmt: skip
    rotate(database, "warehouse", at=NOW - 2 * DAY, old=before["warehouse"], new=current["warehouse"],
           strategy="alternating", gap=0.0)  # fmt: skip
    why = "The new key never logged in; the old certificate is back and proven."
    rotate(database, "telephony", at=NOW - 1 * DAY, outcome="reverted", old=current["telephony"], gap=912.0, why=why)
    _attempts(AttemptRecords(database))
    _alerts(database)
    return settings


def _attempts(attempts: AttemptRecords) -> None:
    for org in ("production", "emea"):
        attempts.put(AttemptRecord("look", org).succeeded(NOW - timedelta(minutes=20)))
    uat = AttemptRecord("look", "uat").succeeded(NOW - 3 * DAY)
    for hour in (50, 20, 2):
        uat = uat.failed(
            NOW - timedelta(hours=hour), AttemptBackOff(), problem="The org uat cannot be reached: connection refused.",
            hint="Look at the network between; it is tried again.",
        )  # fmt: skip
    attempts.put(uat)
    telephony = AttemptRecord("rotate", "telephony")
    for hour in range(30, 20, -2):
        telephony = telephony.failed(
            NOW - timedelta(hours=hour), AttemptBackOff(),
            problem="The org production refuses the user of telephony: user "
            "hasn't approved this consumer.", hint="Approve the app for the user's profile in Setup.", lasting=True,
        )  # fmt: skip
    attempts.put(telephony)
    attempts.put(AttemptRecord("deliver", "crm-team").succeeded(NOW - timedelta(hours=1)))
    down = AttemptRecord("deliver", "on-call").failed(
        NOW - timedelta(minutes=4), AttemptBackOff(), problem="Slack asks to be called later.", hint="It is sent again."
    )
    attempts.put(down)


def _alerts(database: Database) -> None:
    alerts, outbox = AlertRecords(database), Outbox(database)

    def add(new: NewAlert, ago: timedelta, *steps: str) -> str:
        alert, _ = alerts.open(new, NOW - ago)
        outbox.add_all([(alert.id, step, "crm-team") for step in steps], NOW - ago)
        told = outbox.claim("crm-team", NOW - ago, timedelta(minutes=1))
        outbox.delivered(told, "1700000000.000100", NOW - ago)
        return alert.id

    expired = _expiry("production", "Marketing_Sync", -12.2, Severity.CRITICAL, "has expired")
    add(expired, 12.2 * DAY, "30d", "14d", "expired")
    soon = add(_expiry("production", "Data_Loader_Nightly", 2.4, Severity.CRITICAL, "expires in 2 days"), DAY, "3d")
    outbox.add(soon, "3d", "on-call", NOW - DAY)
    archive = _expiry("emea", "Invoice_Archive", 11.6, Severity.WARNING, "expires in 11 days")
    taken = add(archive, 3 * DAY, "14d")
    alerts.acknowledge(taken, actor=Actor("Robin"), reason="The vendor replaces it on Friday.", now=NOW - DAY)
    add(
        NewAlert(
            key="org:uat", kind="org", severity=Severity.WARNING, title="The org uat cannot be read", org="uat",
            text="The org uat cannot be reached: connection refused. What it held when it was last seen is watched on.",
        ),
        2 * DAY, OPENED,
    )  # fmt: skip


def _expiry(org: str, app: str, days: float, severity: Severity, what: str) -> NewAlert:
    seen = sighting(org, app, NOW + days * DAY)
    return NewAlert(
        key=f"expiry:{org}/{app}",
        kind="expiry",
        severity=severity,
        title=f"The certificate of {app} in {org} {what}",
        text="Logins with its key may be refused then. It is not managed: make a new one and upload it in Setup, or "
        "let rotator manage the app.",
        org=org,
        app=app,
        fingerprint=seen.fingerprint,
        not_after=seen.not_after,
        facts={"Org": org, "App": app, "Not after": f"{seen.not_after:%Y-%m-%d %H:%M} UTC"},
    )


def many(apps: int = 500, orgs: int = 4) -> Callable[[Database], Settings]:
    """So many apps, a fifth of them managed, expiring all over the next year and a half."""
    names = ("production", "emea", "apac", "latam", *(f"sandbox-{number}" for number in range(4, orgs)))[:orgs]

    def furnish(database: Database) -> Settings:
        credentials: dict[str, Any] = {}
        seen = []
        for number in range(apps):
            org, app = names[number * 7 % orgs], f"Integration_{number:03}"
            days = (number * 37 % 560) - 8 + number / apps
            if number % 5 == 0:
                days += 32
                credentials[f"integration-{number:03}"] = {"org": org, "apps": [app]}
            seen.append(sighting(org, app, NOW + days * DAY))
        record_sightings(database, seen, NOW - timedelta(minutes=20))
        with database.writing() as connection:
            for each in seen[::5]:
                observe(Within(connection), f"integration-{each.app[-3:]}", each)
        for org in names:
            AttemptRecords(database).put(AttemptRecord("look", org).succeeded(NOW - timedelta(minutes=20)))
        settings = settings_of(names, credentials)
        then = NOW - timedelta(minutes=20)
        lives = certificates_known(settings, database, then).lives(last_sightings(database))
        AlertRules(settings, database).certificates(lives, then)
        return settings

    return furnish
