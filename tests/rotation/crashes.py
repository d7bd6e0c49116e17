"""Every world that a crash can leave, and going on from each."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from tests.rotation.watching import CHANGES, Promises, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.application import Application
    from rotator.core.credentials import Stages
    from rotator.services.rotation.report import Report
    from tests.rotation.ground import Ground
    from tests.rotation.moments import Moment
    from tests.rotation.watching import Scenario

_T = TypeVar("_T")

POINTS: Final = 20
"""Places to crash at, at the least, in one program."""

_ENDS: Final = frozenset({"history.finish_rotation"})
"""After it the request is served: the same one again is another request."""


@dataclass
class Crashes(Watcher):
    """Lets every call pass, and keeps each world in which the process could die before or after it."""

    ground: Ground
    scenario: Scenario
    promises: Promises
    points: int = 0
    """Places where a crash was considered."""
    worlds: dict[tuple[object, ...], Moment] = field(default_factory=dict)
    """One for each kind of world that a crash leaves."""
    waiting: list[Moment] = field(default_factory=list)
    stored: tuple[Stages, int] | None = None
    """What was seen of the store since something was called there that may have changed it."""

    def call(self, name: str, call: Callable[[], _T]) -> _T:
        self.points += 2
        result = call()
        if name.startswith("store."):
            self.stored = None
        if name in CHANGES and not name.startswith("history."):
            self.promises.check()
        if name in CHANGES - _ENDS:
            self.note()
        return result

    def note(self) -> None:
        """Keeps the world as it is, unless one of its kind is kept already."""
        self.stored = self.stored or self.ground.stored(self.scenario.credential)
        key = self.ground.kind_of_world(self.scenario.credential, self.promises.ever, self.stored)
        if key not in self.worlds:
            moment = self.ground.keep(key, len(self.worlds), self.promises.ever)
            self.worlds[key] = moment
            self.waiting.append(moment)


def crash_everywhere(
    ground: Ground, scenario: Scenario, *, then: Callable[[Application], Report | None]
) -> tuple[Crashes, int]:
    """Goes on with `then` from every world in which a crash can leave the request, or whoever went on with it.

    The first program calls the org over HTTPS, the others without a connection (tests.near_orgs): which of them dies
    where makes no difference to the wire. Returns what was seen, and how many programs ran.
    """
    scenario.prepare(ground)
    promises = Promises(ground, scenario)
    promises.check()
    before, programs = len(promises.ever), 0
    crashes = Crashes(ground, scenario, promises)
    crashes.note()
    while crashes.waiting:
        moment = crashes.waiting.pop()
        ground.go_back(moment)
        promises.ever, crashes.stored = moment.ever, None
        with nullcontext() if programs else ground.over_https(), ground.program(crashes) as app:
            report = then(app) if programs else scenario.handle(app)
        programs += 1
        if report is None:
            continue
        scenario.check(ground, report)
        assert len(promises.ever) - before == scenario.made, "no version too many was made on the way"
    return crashes, programs
