"""What apps of several orgs hold just now; an org or an app that cannot be read hides no other."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.core.observed import Kind, ObservedCertificate
from rotator.errors import OrgError, OrgUnavailable
from rotator.salesforce.apps.app import App
from rotator.services.inventory.live_apps import live_apps
from rotator.testing.versions import make_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.core.crypto.certificates import Certificate

UNREADABLE = OrgError("It may not be read.")


@dataclass
class Adapters:
    """Two orgs, of which `emea` is away."""

    held: Certificate
    asked: list[tuple[str, ...]] = field(default_factory=list)
    org: str = ""

    def org_session(self, name: str) -> Any:
        self.org = name
        return self

    def ensure_open(self) -> None:
        if self.org == "emea":
            raise OrgUnavailable("emea is away.")

    def apps(self, org: str) -> Any:
        assert org == self.org
        return self

    def read_each(self, names: Sequence[str]) -> list[App | OrgError | None]:
        self.asked.append(tuple(names))
        app = App(Kind.EXTERNAL_APP, "Billing", "3MVG9", self.held, None)
        known: dict[str, App | OrgError] = {"Billing": app, "Locked": UNREADABLE}
        return [known.get(name) for name in names]

    def absent(self, name: str) -> OrgError:
        if name == "Unknown":
            raise OrgUnavailable("It was asked too often.")
        return OrgError(f"There is no {name}.")


def test_each_app_is_read_and_told_with_why_it_cannot_be() -> None:
    adapters = Adapters(make_version().certificate)
    wanted = [("production", name) for name in ("Billing", "Locked", "Gone", "Unknown", "Billing")]
    read = live_apps([*wanted, ("emea", "Support")], lambda: nullcontext(cast("Any", adapters)))
    assert adapters.asked == [("Billing", "Locked", "Gone", "Unknown")], "in one call, and each once"
    billing = ObservedCertificate(org="production", app="Billing", type=Kind.EXTERNAL_APP, client_id="3MVG9")
    assert read("production", "Billing") == billing.holding(adapters.held)
    reasons = {
        ("production", "Locked"): "It may not be read.",
        ("production", "Gone"): "There is no Gone.",
        ("production", "Unknown"): "It was asked too often.",
        ("emea", "Support"): "emea is away.",
    }
    for where, why in reasons.items():
        with pytest.raises(OrgError, match=why):
            read(*where)
