"""/metrics as text: what has not changed since the last scrape is not written a second time.

Some orgs together are a part, which is written by the library's own encoder and kept as long as it is made of the same
objects (`rotator.services.reporting.read_model` makes others where something is otherwise). A scrape puts the parts
together: the format wants all samples of a family in one place.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, TypeAlias

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.registry import Collector

from rotator.web.metrics import OrgsShare, of_orgs, of_process, of_rest, of_rotations, shares

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from prometheus_client.core import Metric

    from rotator.services.reporting.overview import Overview
    from rotator.web.source import Liveness

_FORMATS: Final = 3
"""So many formats are kept: each monitor asks for one."""

_EOF: Final = "# EOF\n"
"""The end of a text in OpenMetrics."""

_TOGETHER: Final = 10
"""Orgs in a part: each part costs as much as an org by itself, and one change has all of a part written anew."""

_NO_SHARE: Final = OrgsShare((), (), ())

Encode: TypeAlias = "Callable[[CollectorRegistry], bytes]"
"""Writes a registry in the format that a monitor asks for."""


class _Part:
    """What was written of some families: of each its head, and its samples."""

    def __init__(self, rows: tuple[object, ...], encode: Encode, families: Iterable[Metric]) -> None:
        self._rows: Final = rows
        self.families: Final = dict(_split(encode(_registry(families)).decode()))

    def holds(self, rows: tuple[object, ...]) -> bool:
        """Whether it was written of the same objects."""
        return len(rows) == len(self._rows) and all(mine is given for mine, given in zip(self._rows, rows, strict=True))


class Exposition:
    """Writes what monitoring is told. Threads may share it."""

    def __init__(self, unmanaged: int) -> None:
        """`unmanaged`: so many certificates that no credential has are written one by one."""
        self._unmanaged: Final = unmanaged
        self._lock: Final = Lock()
        self._kept: Final[dict[str, dict[str, _Part]]] = {}

    def text(self, overview: Overview | None, alive: Liveness, encode: Encode, content_type: str) -> bytes:
        """All of it in one format; without an overview, as the history cannot be read, what is of the process alone."""
        parts = [_Part((), encode, of_process(alive, is_readable=overview is not None))]
        if overview is not None:
            with self._lock:
                parts += self._parts(overview, encode, content_type)
        own = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=own)
        last = encode(own).decode()
        end = _EOF if last.endswith(_EOF) else ""
        return "".join([*_together(parts), last.removesuffix(_EOF), end]).encode()

    def _parts(self, overview: Overview, encode: Encode, content_type: str) -> list[_Part]:
        before = self._kept.pop(content_type, {})
        found, without = shares(overview, self._unmanaged, _TOGETHER)
        kept: dict[str, _Part] = {}
        for share in found:
            name = share.lines[0].name
            part = before.get(name)
            is_same = part is not None and part.holds(share.rows)
            kept[name] = part if part and is_same else _Part(share.rows, encode, _with_samples(share, overview.at))
        rotations = before.get("")
        if rotations is None or not rotations.holds((overview.rotations,)):
            rotations = _Part((overview.rotations,), encode, of_rotations(overview.rotations))
        # The last that was asked for is kept the longest.
        self._kept[content_type] = {**kept, "": rotations}
        while len(self._kept) > _FORMATS:
            del self._kept[next(iter(self._kept))]
        rest = _Part((), encode, of_rest(overview, without))
        # Families of which no org has a sample are named all the same.
        return [_Part((), encode, of_orgs(_NO_SHARE, overview.at)), *kept.values(), rotations, rest]


def _with_samples(share: OrgsShare, at: datetime) -> Iterable[Metric]:
    """What orgs have samples of: half of the families have none of most orgs, and are named before the first part."""
    return (family for family in of_orgs(share, at) if family.samples)


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families: Final = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _registry(families: Iterable[Metric]) -> CollectorRegistry:
    found = CollectorRegistry(auto_describe=False)
    found.register(_Families(families))
    return found


_HELP: Final = "\n# HELP "


def _split(text: str) -> Iterable[tuple[str, str]]:
    """The samples of each family by its head: the lines that say what it means, and of which type it is."""
    for family in f"\n{text.removesuffix(_EOF)}".rstrip("\n").split(_HELP)[1:]:
        meaning, kind, *samples = family.split("\n", 2)
        yield f"{_HELP[1:]}{meaning}\n{kind}\n", f"{samples[0]}\n" if samples else ""


def _together(parts: Iterable[_Part]) -> Iterable[str]:
    families: dict[str, list[str]] = {}
    for part in parts:
        for head, samples in part.families.items():
            families.setdefault(head, []).append(samples)
    for head, all_of_it in families.items():
        yield head
        yield from all_of_it
