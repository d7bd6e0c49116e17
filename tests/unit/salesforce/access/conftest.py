"""Records of a simulated org, called without a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.core.retry import Waiting
from rotator.salesforce.access.org_records import OrgRecords
from rotator.salesforce.metadata import MetadataService
from tests.near_orgs import NearTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotator.salesforce.session import OrgSession
    from rotator.simulator.org.org import Org


@pytest.fixture
def near(production: Org) -> Iterator[NearTransport]:
    transport = NearTransport([production])
    yield transport
    transport.close()


@pytest.fixture
def records(
    production: Org, near: NearTransport, open_session: Callable[..., OrgSession], pauses: list[float]
) -> OrgRecords:
    waiting = Waiting(60, elapsed=lambda: sum(pauses), sleep=pauses.append, uniform=lambda _low, high: high)
    return OrgRecords(open_session(production, over=near), waiting)


@pytest.fixture
def metadata(
    production: Org, near: NearTransport, open_session: Callable[..., OrgSession], records: OrgRecords
) -> MetadataService:
    return MetadataService(open_session(production, over=near), records._waiting)
