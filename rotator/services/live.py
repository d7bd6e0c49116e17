"""The live certificates as the history has them: which credential manages each, and how urgent it is."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from rotator.core.certificates import RETIRED_COMMON_NAME
from rotator.core.credentials import Stage
from rotator.salesforce.apps import APP_TYPE
from rotator.services.overview import CertificateLine, urgency_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.history.records import LastSighting, Rotation


class LiveCertificates:
    """Made from what was last seen in each place, and from the last promotion of each credential."""

    def __init__(
        self,
        settings: Settings,
        sightings: Sequence[LastSighting],
        promotions: Mapping[str, Rotation],
        now: datetime,
    ) -> None:
        self._settings: Final = settings
        self._sightings: Final = sightings
        self._promotions: Final = promotions
        self._now: Final = now

    def lines(self) -> tuple[CertificateLine, ...]:
        """The one that expires first first."""
        lines = (self._line(each, each.not_after) for each in self._sightings if each.not_after is not None)
        return tuple(sorted(lines, key=lambda line: (line.not_after, line.org, line.app)))

    def _line(self, seen: LastSighting, not_after: datetime) -> CertificateLine:
        name = self._credential_of(seen)
        is_resting = _is_throwaway(seen) or self._waits_its_turn(name, seen)
        before = self._settings.credentials[name].rotate_before if name and not is_resting else None
        thresholds = self._settings.alerts.thresholds
        return CertificateLine(
            org=seen.org,
            app=seen.app,
            app_type=seen.app_type,
            fingerprint=seen.certificate_fingerprint or "",
            not_after=not_after,
            urgency=urgency_of(not_after, self._now, thresholds, rotate_before=before, is_resting=is_resting),
            not_before=seen.not_before,
            credential=name,
            stage=self._stage(name, seen.certificate_fingerprint),
            rotates_at=not_after - before if before else None,
            names=(seen.subject, seen.issuer),
        )

    @cached_property
    def _managed(self) -> dict[tuple[str, str], str]:
        """The credentials by their apps, whose names Salesforce takes in any case."""
        credentials = self._settings.credentials.items()
        return {(each.org, app.casefold()): name for name, each in credentials for app in each.apps}

    @cached_property
    def _where(self) -> set[tuple[str | None, str | None]]:
        """Each credential with each certificate that one of its apps holds."""
        return {(self._credential_of(each), each.certificate_fingerprint) for each in self._sightings}

    def _credential_of(self, seen: LastSighting) -> str | None:
        return self._managed.get((seen.org, seen.app.casefold())) if seen.app_type == APP_TYPE else None

    def _stage(self, credential: str | None, fingerprint: str | None) -> str:
        promotion = self._promotions.get(credential or "")
        if promotion is None or fingerprint is None:
            return ""
        stages = {promotion.old_fingerprint: Stage.PREVIOUS, promotion.new_fingerprint: Stage.CURRENT}
        return str(stages.get(fingerprint, ""))

    def _waits_its_turn(self, credential: str | None, seen: LastSighting) -> bool:
        """Whether consumers log in through the other app of the credential, as its certificate is live there."""
        promotion = self._promotions.get(credential or "")
        if promotion is None or seen.certificate_fingerprint == promotion.new_fingerprint:
            return False
        return (credential, promotion.new_fingerprint) in self._where


def _is_throwaway(seen: LastSighting) -> bool:
    return f"CN={RETIRED_COMMON_NAME}" in seen.subject.split(",")
