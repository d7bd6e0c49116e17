"""The two simulated orgs in this process, over key pairs that are made once in it: making nine takes half a second."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final

import pytest

from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.serving import hosting
from rotator.simulator.serving.scenario import two_orgs
from rotator.testing.versions import spare_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.simulator.serving.export import Export
    from rotator.simulator.serving.server import SimulatorServer

_FIRST: Final = 100
"""Number of the first spare key that the orgs hold; nobody else has these."""


@contextmanager
def spare_keys() -> Iterator[pytest.MonkeyPatch]:
    """Orgs that are hosted in here hold spare keys, each app its own."""
    numbers = count(_FIRST)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hosting, "two_orgs", partial(two_orgs, new_key=lambda: spare_key(next(numbers))))
        yield patch


@contextmanager
def hosted_orgs(export: Export) -> Iterator[SimulatorServer]:
    """The two orgs, while they run, exported as `rotator simulator serve` exports them."""
    with spare_keys(), hosting.hosted(OrgSettings(), port=0, export=export) as server:
        yield server
