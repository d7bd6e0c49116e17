"""An upload whose answer was lost takes effect only after the next look: that consumers are refused is known still."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from rotator.history.journal.journal import Journal
from rotator.history.journal.queries import events
from rotator.services.rotation.report import Outcome
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.rotation.lineups import CONNECTED, EXTERNAL
from tests.rotation.scenarios import REPLACE, one_app
from tests.rotation.watching import Watcher, handle

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rotation.ground import Ground
    from tests.rotation.lineups import Lineup

_T = TypeVar("_T")


@dataclass
class Late(Watcher):
    """The first upload takes effect just before the second one; sees at each login whether a gap is written down."""

    ground: Ground
    uploads: int = 0
    in_gap: list[tuple[bool, bool]] = field(default_factory=list)
    """Whether the app is without current's certificate, and whether the history says so."""

    def call(self, name: str, call: Callable[[], _T]) -> _T:
        """See Watcher."""
        if name == "org.replace_certificate":
            self.uploads += 1
            if self.uploads == 2:
                self._takes_effect(call)
        if name == "org.prove":
            is_gone = self.ground.live("Billing") != self.ground.stages("billing").current
            known = Journal(self.ground.database).credential_record("billing").refused_since
            self.in_gap.append((is_gone, known is not None))
        return call()

    def _takes_effect(self, call: Any) -> None:
        name, certificate = call.args
        self.ground.org.put_certificate(name, certificate)


@pytest.mark.parametrize("lineup", [CONNECTED, EXTERNAL], ids=str)
def test_it_opens_the_gap_when_it_is_found_live(ground: Ground, lineup: Lineup) -> None:
    ground.begin(lineup=lineup)
    one_app(ground)
    ground.org.faults.add(Fault(Kind.SOAP_UPDATE, Effect.HANG))
    late = Late(ground)
    with ground.program(late) as app:
        report = handle("billing", REPLACE)(app)
    assert (report.outcome, late.uploads) == (Outcome.ROTATED, 2)
    assert ground.org.calls[Kind.SOAP_UPDATE] == 1, "the second found it live"
    assert {*late.in_gap} == {(False, False), (True, True)}
    told = events(ground.database, credential="billing")
    withdrawn = next(at for at, event in enumerate(told) if event.details.get("state") == "withdrawn")
    kept = [event for event in told[withdrawn:] if event.kind in {"upload_begins", "upload", "promote"}]
    assert [event.kind for event in kept] == ["upload_begins", "upload", "promote"]
    begins, _, promote = kept
    assert report.gap
    assert (report.gap.begun_at, report.gap.ended_at) == (begins.time, promote.time)
