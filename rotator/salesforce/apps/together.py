"""Components read ten in a call: one that breaks its answer costs no other, and an org that is away one wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.errors import OrgError, OrgUnavailable
from rotator.portions import portions
from rotator.salesforce.faults import may_be_of_one
from rotator.salesforce.metadata import FEWER_ATTEMPTS, READ_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rotator.salesforce.component import Component
    from rotator.salesforce.metadata import MetadataService

LOST_ALONE: Final = 3
"""So many components in a row whose answers are lost, each alone: it is the org that is away."""


def read_each(
    metadata: MetadataService, metadata_type: str, full_names: Sequence[str]
) -> list[Component | OrgError | None]:
    """Components in the order asked for, or why one cannot be read; None where one is missing.

    Raises what is wrong with the org and with none of them, and what a single one is refused with.
    """
    found: list[Component | OrgError | None] = []
    for some in portions(full_names, READ_LIMIT):
        try:
            found += metadata.read(metadata_type, some)
        except OrgError as error:
            if len(full_names) < 2 or not may_be_of_one(error):
                raise
            found += _one_by_one(metadata, metadata_type, some)
    return found


def _one_by_one(
    metadata: MetadataService, metadata_type: str, full_names: Sequence[str]
) -> Iterator[Component | OrgError | None]:
    lost = 0
    for name in full_names:
        try:
            [found] = metadata.read(metadata_type, [name], attempts=FEWER_ATTEMPTS)
        except OrgError as error:
            lost = lost + 1 if isinstance(error, OrgUnavailable) else 0
            if lost == LOST_ALONE or not may_be_of_one(error):
                raise
            yield error
        else:
            lost = 0
            yield found
