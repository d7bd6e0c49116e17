"""Where the pages have what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rotator.services.reporting.overview import AlertDetails, CertificatePast, Overview, RotationPast


class Source(Protocol):
    """The history, read afresh for each page. Every method raises HistoryError or HistoryUnavailable."""

    def overview(self) -> Overview:
        """Everything at this moment."""
        ...

    def rotation(self, rotation_id: str) -> RotationPast | None:
        """One rotation and its steps; None for an id that there is not."""
        ...

    def certificate(self, fingerprint: str) -> CertificatePast | None:
        """Where a certificate was seen and what made or ended it; None for one that was never seen."""
        ...

    def alert(self, alert_id: str) -> AlertDetails | None:
        """One alert and who was told of it; None for an id that there is not."""
        ...

    def try_writing(self) -> None:
        """Proves that the history can be written; it is as before afterwards."""
        ...
