"""What consumers say themselves: which version each of them last logged in with, and when all have said so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime


class Retire(StrEnum):
    """When a previous version is retired."""

    AFTER_GRACE = "after_grace"
    WHEN_CONFIRMED = "when_confirmed"
    """Sooner, once every consumer of the configuration has said that it logs in with the current one."""


@dataclass(frozen=True, kw_only=True)
class ConsumerReport:
    """What one consumer of a credential last said."""

    credential: str
    consumer: str
    fingerprint: str
    """Of the version that it last logged in with."""
    logged_in_at: datetime
    """When it did, by its own clock."""
    noted_at: datetime
    """When that version was first heard of from it, by ours."""
    via: str
    """How it said so: `store`, beside its credential, or `post`."""


@dataclass(frozen=True)
class Confirmation:
    """What is known of the consumers of a current version."""

    at: datetime | None = None
    """When the last of those in the configuration had said that it logs in with it; None while one has not."""
    is_old_key_used: bool = False
    """Since the promotion somebody was seen who does not."""


NOT_CONFIRMED = Confirmation()


def unconfirmed(consumers: Iterable[str], reports: Iterable[ConsumerReport], current: str) -> list[str]:
    """The consumers of the configuration that have not said that they log in with the current version."""
    moved = {each.consumer for each in reports if each.fingerprint == current}
    return [name for name in consumers if name not in moved]


def confirmed_at(
    consumers: Collection[str], reports: Collection[ConsumerReport], current: str, promoted_at: datetime
) -> datetime | None:
    """When all consumers of the configuration had said that they log in with the current version; None while not.

    None as well where there are none: nobody's silence is no confirmation.
    """
    if not consumers or unconfirmed(consumers, reports, current):
        return None
    told = [each.noted_at for each in reports if each.consumer in consumers and each.fingerprint == current]
    return max([*told, promoted_at])
