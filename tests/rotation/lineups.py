"""Of which kind the apps are that rotations are tried with, and how the org behaves with external client apps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from rotator.simulator.org.settings import OrgSettings, Refusal


@dataclass(frozen=True)
class Lineup:
    """The kinds of all apps of an org."""

    name: str
    external: frozenset[str] = frozenset()
    """The external client apps; the others are connected apps."""
    settings: OrgSettings = field(default_factory=OrgSettings)

    def __str__(self) -> str:
        return self.name

    @property
    def hides(self) -> bool:
        """Whether the org does not show the certificates of external client apps."""
        return self.settings.external_certificate_returned == "never"


_ALL: Final = frozenset({"Robot", "Robot_A", "Robot_B", "Billing", "Warehouse_A", "Warehouse_B"})

CONNECTED: Final = Lineup("connected apps")
EXTERNAL: Final = Lineup("external client apps", _ALL, OrgSettings(external_certificate_form="pem"))
OTHER_WORDS: Final = Lineup(
    "external client apps with other words for a wrong key",
    _ALL,
    OrgSettings(
        external_certificate_form="lines",
        external_refusals={"signature": Refusal("invalid_client", "invalid client credentials")},
    ),
)
MIXED: Final = Lineup("of two apps the second is external", frozenset({"Robot", "Robot_B", "Billing", "Warehouse_B"}))
"""And where there is only one, it is."""
HIDDEN: Final = Lineup(
    "external client apps whose certificates are not shown", _ALL, OrgSettings(external_certificate_returned="never")
)
HIDDEN_IN_OTHER_WORDS: Final = Lineup(
    "external client apps whose certificates are not shown, with other words for a wrong key",
    _ALL,
    replace(OTHER_WORDS.settings, external_certificate_returned="never"),
)
