"""A consumer says which version it last logged in with, so that nobody ends the previous one under its hands.

What says so fails without a trace in the login: a report that cannot be left is a warning in the log, and is left again
at the next login.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

import rotator
from rotator.core.thresholds import has_come, later
from rotator.core.usage.told_reports import line_of
from rotator.errors import ConfigurationError, OrgUnavailable, RotatorError
from rotator.net.client import Session, host_of
from rotator.net.limits import KILOBYTE, Limits
from rotator.plain_text import one_line
from rotator.stores.addresses import is_secure
from rotator.stores.files.report_folder import ReportFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.core.credentials import Fingerprint, Version
    from rotator.core.secret import Secret
    from rotator.core.usage.told_reports import LeavesReport

_LOG: Final = logging.getLogger(__name__)

AGAIN_AFTER: Final = timedelta(hours=1)
"""So often the same version is reported again, so that it is seen to be in use."""


class Reporter:
    """Reports the logins of one consumer, by one way. For one thread, as the login that it belongs to."""

    def __init__(self, consumer: str, leave: LeavesReport, now: Callable[[], datetime]) -> None:
        self._consumer: Final = consumer
        self._leave: Final = leave
        self._now: Final = now
        self._said: tuple[Fingerprint, datetime] | None = None

    def logged_in(self, version: Version) -> None:
        """A login with this version has just succeeded. It never raises what an org, a network or a disk does."""
        now, said = self._now(), self._said
        if said and said[0] == version.fingerprint and not has_come(later(said[1], AGAIN_AFTER), now):
            return
        try:
            self._leave(self._consumer, line_of(version.fingerprint, now))
        except RotatorError as error:
            _LOG.warning("%s could not say that it has logged in: %s", self._consumer, error.message)
            return
        self._said = version.fingerprint, now


def to_folder(folder: str | Path, credential: str) -> LeavesReport:
    """Leaves a file in a folder: `reports` of the files store, in config.yaml."""
    return partial(ReportFolder(Path(folder)).write, credential)


def to_pages(url: str, credential: str, token: Secret, *, ca: Path | None = None) -> LeavesReport:
    """Sends it to `rotator run`; `url` is where its pages are, `token` that of `http.reports_token`.

    Raises ConfigurationError for an address that would show the token to the network.
    """
    base = url.rstrip("/")
    if not is_secure(base):
        raise ConfigurationError(
            f"{base} is no address for reports: the token would go over the network as it is.",
            effect="Nothing was sent.",
            hint="Name it by https://, such as a reverse proxy before the pages; http:// is for this machine.",
        )
    limits = Limits(connect=5.0, silence=5.0, total=10.0, size=64 * KILOBYTE)

    def leave(consumer: str, line: str) -> None:
        address = f"{base}/reports/{credential}/{consumer}"
        headers = {"Authorization": f"Bearer {token.reveal()}", "Content-Type": "text/plain"}
        try:
            with Session(limits, user_agent=f"rotator-consumer/{rotator.__version__}", ca=ca) as session:
                answer = session.post(address, data=f"{line}\n".encode(), headers=headers, timeout=limits.timeout)
        except OSError as error:
            raise OrgUnavailable(f"{host_of(base)} does not take reports: {type(error).__name__}.") from None
        if answer.status_code != HTTPStatus.NO_CONTENT:
            said = one_line(answer.text, 200)
            raise OrgUnavailable(f"{host_of(base)} does not take the report (HTTP {answer.status_code}): {said}")

    return leave
