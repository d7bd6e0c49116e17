"""Credentials that were revoked, as far as the history knows: no org is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.lifecycle.revocation import EVERY_STEP

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from rotator.core.lifecycle.revocation import RevocationStep
    from rotator.history.journal.journal import Journal


def revoke(
    journal: Journal, now: datetime, credential: str = "billing", steps: Collection[RevocationStep] = EVERY_STEP
) -> None:
    """Begun, and each step done."""
    wanted = [str(step) for step in steps]
    journal.record("revoke_begins", now=now, credential=credential, steps=wanted, reason="x", actor="alex@laptop")
    for step in wanted:
        journal.record("revoke_step", now=now, credential=credential, step=step)
