"""Deployments of one credential in the history, so that a run after a crash knows what is still to come."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from rotator.errors import HistoryError
from rotator.history.journal.journal import DEPLOYMENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.history.journal.journal import Journal

LOG: Final = logging.getLogger(__name__)


class JournalledDeployments:
    """Writes them down as events of the rotation (`rotator.salesforce.writing.component_writer.DeploymentLog`).

    A rotation that has begun goes on whether or not it can be written down. So what this process itself has begun it
    also remembers, and goes by that.
    """

    def __init__(self, journal: Journal, credential: str, now: Callable[[], datetime]) -> None:
        """Reads nothing yet."""
        self._journal: Final = journal
        self._credential: Final = credential
        self._now: Final = now
        self._unended: str | None = None

    def begins(self, component: str) -> None:
        """See DeploymentLog."""
        self._unended = ""
        self._write("begins", component=component)

    def begun(self, component: str, deployment: str) -> None:
        """See DeploymentLog."""
        self._unended = deployment
        self._write("begun", component=component, deployment=deployment)

    def ended(self) -> None:
        """See DeploymentLog."""
        self._unended = None
        self._write("ended")

    def unended(self) -> str | None:
        """See DeploymentLog. Raises HistoryError."""
        return self._journal.unended_deployment(self._credential) if self._unended is None else self._unended

    def _write(self, state: str, **details: str) -> None:
        try:
            rotation = self._journal.open_rotation(self._credential)
            self._journal.record(
                DEPLOYMENT,
                now=self._now(),
                credential=self._credential,
                rotation_id=rotation.id if rotation else None,
                state=state,
                **details,
            )
        except HistoryError as error:
            LOG.warning("A deployment could not be written down: %s", error.message)
