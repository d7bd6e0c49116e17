"""Whether a session with an org is in force, for tests."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rotator.salesforce.login import userinfo

if TYPE_CHECKING:
    from rotator.salesforce.session import OrgSession


def prove_alive(session: OrgSession) -> None:
    """Makes a call over the session, with a new login if there has to be one. Raises as `OrgSession.call` does."""
    session.call(partial(userinfo, session.transport))
