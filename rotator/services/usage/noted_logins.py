"""The program's own logins are written down before they are made, so that none passes for a consumer's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from rotator.core.logins import LoginOutcome
from rotator.errors import HistoryError
from rotator.history.usage.recorded_logins import Login, RecordedLogins

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.core.credentials import Version
    from rotator.core.logins import LoginAnswer
    from rotator.history.engine.transactions import Transactions

LOG: Final = logging.getLogger(__name__)


class NotedLogins:
    """Writes down the logins to one org. What cannot be written down holds up no login."""

    def __init__(self, database: Callable[[], Transactions], org: str, now: Callable[[], datetime]) -> None:
        """`database` is asked for when it is needed; it may raise HistoryError."""
        self._database: Final = database
        self._org: Final = org
        self._now: Final = now

    def begins(self, username: str, client_id: str, app: str = "") -> Callable[[LoginAnswer], None]:
        """Notes a login that is about to be made; what it gives takes the answer."""
        try:
            records = RecordedLogins(self._database())
            number = records.begins(Login(self._org, username, client_id, app), self._now())
        except HistoryError as error:
            self._away(error)
            return lambda _: None

        def ended(answer: LoginAnswer) -> None:
            is_accepted = answer.outcome is LoginOutcome.ACCEPTED
            if not is_accepted and not (answer.is_the_orgs and answer.outcome is not LoginOutcome.TRANSIENT):
                return  # Nobody knows whether the org has seen it.
            try:
                records.ended(number, is_accepted=is_accepted)
            except HistoryError as error:
                self._away(error)

        return ended

    def around(self, prove: Callable[[Version], LoginAnswer]) -> Callable[[Version], LoginAnswer]:
        """Test logins that are written down."""

        def noted(version: Version) -> LoginAnswer:
            ended = self.begins(version.username, version.client_id, version.app)
            answer = prove(version)
            ended(answer)
            return answer

        return noted

    def _away(self, error: HistoryError) -> None:
        LOG.warning("an own login is not written down: %s", error.message, extra={"org": self._org})
