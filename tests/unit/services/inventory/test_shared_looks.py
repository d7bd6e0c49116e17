"""What one machine remembers of a whole look is what the next one reads; what nobody understands is no look."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from rotator.core.observed import Kind, Place
from rotator.errors import HistoryUnavailable
from rotator.salesforce.inventory.satellites import Joined
from rotator.services.inventory.shared_looks import FULL_LOOK, SharedLooks
from rotator.services.inventory.whole_looks import WholeLook
from rotator.testing.versions import MOMENT

JOINED = Joined({"Settings_B": "B", "Settings_A": "A"}, ("Loose",))
LOOK = WholeLook(
    MOMENT,
    frozenset({Place(Kind.APP, "new"), Place(Kind.APP, "locked")}),
    frozenset({Place(Kind.EXTERNAL_APP, "hides")}),
    JOINED,
    frozenset({"SamlSsoConfig"}),
    frozenset({"Certificate"}),
    frozenset({Place(Kind.CERTIFICATE, "requested")}),
)


class Remembered:
    """As `rotator.queue.remembered.Remembered`, in memory: JSON goes in and comes out."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.is_away = False

    def get(self, kind: str, name: str) -> Any:
        assert kind == FULL_LOOK
        self._asked()
        return json.loads(self.values.get(name, "null"))

    def put(self, kind: str, values: dict[str, Any]) -> None:
        assert kind == FULL_LOOK
        self._asked()
        self.values |= {name: json.dumps(value) for name, value in values.items()}

    def _asked(self) -> None:
        if self.is_away:
            raise HistoryUnavailable("It is away.", hint="Wait.")


@pytest.fixture
def remembered() -> Remembered:
    return Remembered()


@pytest.fixture
def looks(remembered: Remembered) -> SharedLooks:
    return SharedLooks(cast("Any", remembered))


@pytest.mark.parametrize("look", [LOOK, WholeLook(MOMENT)])
def test_the_next_machine_reads_all_of_it(looks: SharedLooks, look: WholeLook) -> None:
    looks.put("production", look)
    assert looks.get("production") == look
    assert looks.get("emea") is None
    looks.drop("production")
    assert looks.get("production") is None


@pytest.mark.parametrize("damaged", ["{}", '{"joined": null, "at": "long ago"}', "7", '[{"at": 1}]'])
def test_what_another_release_has_written_is_no_look(looks: SharedLooks, remembered: Remembered, damaged: str) -> None:
    remembered.values["production"] = damaged
    assert looks.get("production") is None


def test_while_the_history_is_away_there_are_none(looks: SharedLooks, remembered: Remembered) -> None:
    looks.put("production", LOOK)
    remembered.is_away = True
    looks.put("production", WholeLook(MOMENT))
    looks.drop("production")
    assert looks.get("production") is None
    remembered.is_away = False
    assert looks.get("production") == LOOK
