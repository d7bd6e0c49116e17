"""What the last look at each credential says of the time to come. Lost with the process, as it may be."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rotator.services.schedule.due import Outlook


class Outlooks:
    """The outlooks by credential. Threads may share it."""

    def __init__(self) -> None:
        self._known: Final[dict[str, Outlook]] = {}
        self._lock: Final = Lock()

    def get(self, credential: str) -> Outlook | None:
        """What is known; None when the credential has to be looked at."""
        with self._lock:
            return self._known.get(credential)

    def note(self, credential: str, outlook: Outlook | None) -> None:
        """What a look has shown; None when another look is needed."""
        with self._lock:
            if outlook is None:
                self._known.pop(credential, None)
            else:
                self._known[credential] = outlook
