"""The two orgs that the simulator serves when nothing else is asked for, and what an operator manages in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.crypto.certificates import PrivateKey, SubjectName, self_signed
from rotator.simulator.org.org import Org

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.org import Clock, OrgKind
    from rotator.simulator.org.settings import OrgSettings

LIFETIME: Final = timedelta(days=365)
"""How long the certificates are valid that people here make."""


@dataclass(frozen=True)
class AppPlan:
    """An app to set up, who logs in through it, and how long its certificate is still valid."""

    name: str
    user: str
    days_left: int | None
    """Negative: it expired so many days ago; None: the app has no certificate."""
    key_of: str = ""
    """The app whose key and certificate it holds too, as an admin uploads one file to both apps of a pair."""


@dataclass(frozen=True)
class Managed:
    """A credential that the exported configuration names."""

    name: str
    org: str
    user: str
    apps: tuple[str, ...]


MANAGEMENT: Final = AppPlan("Rotator_Management", "rotator", 340)
"""The app through which rotator itself logs in; its user may use the Metadata API."""

ORGS: Final[dict[OrgKind, tuple[AppPlan, ...]]] = {
    "production": (
        MANAGEMENT,
        AppPlan("Billing", "billing", 12),
        AppPlan("Reporting", "reporting", 290),
        AppPlan("Legacy_Sync", "legacy.sync", -40),
        AppPlan("Onboarding", "onboarding", None),
        AppPlan("Warehouse_A", "warehouse", 21),
        AppPlan("Warehouse_B", "warehouse", 21, key_of="Warehouse_A"),
    ),
    "sandbox": (
        MANAGEMENT,
        AppPlan("Billing", "billing", 200),
        AppPlan("Data_Loader", "data.loader", 25),
        AppPlan("Archive", "archive", -3),
    ),
}
"""One certificate fresh, one near its end, one expired, one app with none, one alternating pair; and a sandbox."""

EXTERNAL: Final[dict[OrgKind, tuple[AppPlan, ...]]] = {
    "production": (AppPlan("Shipping", "shipping", 20),),
    "sandbox": (AppPlan("Shipping", "shipping", 150),),
}
"""External client apps."""

MANAGED: Final = (
    Managed("billing", "production", "billing", ("Billing",)),
    Managed("reporting", "production", "reporting", ("Reporting",)),
    Managed("legacy-sync", "production", "legacy.sync", ("Legacy_Sync",)),
    Managed("onboarding", "production", "onboarding", ("Onboarding",)),
    Managed("warehouse", "production", "warehouse", ("Warehouse_A", "Warehouse_B")),
    Managed("billing-sandbox", "sandbox", "billing", ("Billing",)),
)
"""Data_Loader and Archive are managed by nobody yet: their keys are there to be adopted."""


def two_orgs(
    *,
    clock: Clock,
    random: Random,
    settings: OrgSettings | None = None,
    new_key: Callable[[], PrivateKey] = PrivateKey.generate,
    external_apps: bool = True,
) -> tuple[Org, ...]:
    """A production org and a sandbox. `new_key` gives the key pairs, so that tests can hand out ones they have."""
    orgs = [
        Org(kind, kind, clock=clock, random=random, settings=settings, number=number)
        for number, kind in enumerate(ORGS, start=1)
    ]
    for org in orgs:
        for plan in ORGS[org.kind]:
            _set_up(org, plan, org.add_app, new_key)
        for plan in EXTERNAL[org.kind] if external_apps else ():
            _set_up(org, plan, org.add_external_app, new_key)
    _set_up_others(orgs[0], new_key)
    return tuple(orgs)


def username(org: Org, user: str) -> str:
    """The username of a user of the scenario."""
    return f"{user}@{org.name}.example"


def _set_up_others(org: Org, new_key: Callable[[], PrivateKey]) -> None:
    """Other certificates: one near its end, one without an end, one that waits for its authority, one deleted."""
    org.add_certificate("Document_Signing", _noon(org, 9))
    sso = org.add_certificate("Single_Sign_On", _noon(org, 500), key_bits=4096)
    org.add_certificate("Imported_Service_Account", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), ca_signed=True)
    org.add_certificate("Partner_Connection", None, ca_signed=True, unusable=True)
    org.add_certificate("Document_Signing_Old", _noon(org, -300))
    org.delete_certificate("Document_Signing_Old")
    made_at = org.clock() + timedelta(days=45) - LIFETIME
    trusted = self_signed(new_key(), SubjectName("login.acme.example"), now=made_at, lifetime=LIFETIME)
    org.add_identity_provider("Company_Login", trusted, requestSigningCertId=sso.id)


def _noon(org: Org, days_left: int) -> datetime:
    """Certificates that Salesforce signs itself expire at noon."""
    return (org.clock() + timedelta(days=days_left)).replace(hour=12, minute=0, second=0, microsecond=0)


def _set_up(org: Org, plan: AppPlan, add: Callable[..., ClientApp], new_key: Callable[[], PrivateKey]) -> ClientApp:
    name = username(org, plan.user)
    if name not in org.users:
        is_ours = plan is MANAGEMENT
        org.add_user(
            name,
            may_use_metadata=is_ours,
            profile="Certificate Rotation" if is_ours else "Integration User",
            password=f"{org.random.getrandbits(96):024x}" if is_ours else "",
        )
    if plan.days_left is None:
        return add(plan.name, username=name)
    if plan.key_of:
        twin = org.app(plan.key_of)
        return add(plan.name, username=name, private_key=twin.private_key, certificate=twin.live_certificate)
    key = new_key()
    made_at = org.clock() + timedelta(days=plan.days_left) - LIFETIME
    certificate = self_signed(key, SubjectName(plan.name), now=made_at, lifetime=LIFETIME)
    return add(plan.name, username=name, private_key=key, certificate=certificate)
