"""What the pages are served from, also while there is no history yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import HistoryUnavailable

if TYPE_CHECKING:
    from rotator.services.reporting.overview import AlertDetails, CertificatePast, Overview, RotationPast
    from rotator.web.source import Source


class Pages:
    """A source (`rotator.web.source.Source`) that has its contents from another one, once that is there."""

    def __init__(self) -> None:
        self.source: Source | None = None

    def overview(self) -> Overview:
        """See Source."""
        return self._there().overview()

    def rotation(self, rotation_id: str) -> RotationPast | None:
        """See Source."""
        return self._there().rotation(rotation_id)

    def certificate(self, fingerprint: str) -> CertificatePast | None:
        """See Source."""
        return self._there().certificate(fingerprint)

    def alert(self, alert_id: str) -> AlertDetails | None:
        """See Source."""
        return self._there().alert(alert_id)

    def try_writing(self) -> None:
        """See Source."""
        self._there().try_writing()

    def _there(self) -> Source:
        if self.source is None:
            raise HistoryUnavailable(
                "The history has not been opened yet.",
                effect="Nothing is looked at and nothing is rotated meanwhile.",
                hint="It is tried again on every tick; the log says why it cannot be opened.",
            )
        return self.source
