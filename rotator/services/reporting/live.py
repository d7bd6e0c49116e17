"""The live certificates as the history has them: which credential manages each, and how urgent it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core.credentials import Stage
from rotator.services.inventory.last_seen import remembered
from rotator.services.reporting.overview import CertificateLine, urgency_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.history.records import LastSighting, Rotation
    from rotator.services.inventory.seen import ObservedCertificate


class LiveCertificates:
    """Made from what was last seen in each place, and from the last promotion of each credential."""

    def __init__(self, settings: Settings, promotions: Mapping[str, Rotation], now: datetime) -> None:
        self._settings: Final = settings
        self._promotions: Final = promotions
        self._now: Final = now

    def lines(self, sightings: Sequence[LastSighting]) -> tuple[CertificateLine, ...]:
        """The one that expires first first. The sightings are of what is there still."""
        # Whose it is, and whether it may expire, is decided as for the alerts.
        known = remembered(self._settings, sightings, self._in_use)
        lines = (
            self._line(seen, last, last.not_after)
            for seen, last in zip(known, sightings, strict=True)
            if last.not_after is not None
        )
        return tuple(sorted(lines, key=lambda line: (line.not_after, line.org, line.app)))

    def _line(self, seen: ObservedCertificate, last: LastSighting, not_after: datetime) -> CertificateLine:
        is_resting = seen.is_throwaway or seen.is_standby
        before = None if is_resting else seen.rotate_before
        thresholds = self._settings.alerts.thresholds
        return CertificateLine(
            org=seen.org,
            app=seen.name,
            app_type=seen.kind,
            fingerprint=seen.fingerprint,
            not_after=not_after,
            urgency=urgency_of(not_after, self._now, thresholds, rotate_before=before, is_resting=is_resting),
            not_before=seen.not_before,
            credential=seen.credential,
            stage=self._stage(seen),
            rotates_at=not_after - before if before else None,
            names=(last.subject, last.issuer),
        )

    def _in_use(self, credential: str) -> str | None:
        promotion = self._promotions.get(credential)
        return promotion.new_fingerprint if promotion else None

    def _stage(self, seen: ObservedCertificate) -> str:
        promotion = self._promotions.get(seen.credential or "")
        if promotion is None or not seen.fingerprint:
            return ""
        stages = {promotion.old_fingerprint: Stage.PREVIOUS, promotion.new_fingerprint: Stage.CURRENT}
        return str(stages.get(seen.fingerprint, ""))
