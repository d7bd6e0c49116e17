"""/metrics as text: what has not changed since the last scrape is not written a second time.

Some orgs together are a part, which is kept as long as it is made of the same objects
(`rotator.services.reporting.read_model` makes others where something is otherwise). A scrape puts the parts together:
the format wants all samples of a family in one place.

The library's own encoder writes one sample of each family that has many, and the others are written like it: by itself
it would look at each name of a label again for each sample, which takes four times as long. Formats have other heads
for families, and most have the same samples, so what is kept is of use for all of these.
"""

from __future__ import annotations

import re
from itertools import starmap
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.registry import Collector

from rotator.services.reporting.overview import Rotations
from rotator.web.metrics import OrgsShare, of_orgs, of_process, of_rest, of_rotations, shares

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.core import Metric

    from rotator.services.reporting.overview import Overview
    from rotator.web.metrics import Many
    from rotator.web.source import Liveness

_WAYS: Final = 3
"""Samples are kept in so many ways of writing them: each monitor asks for one."""

_EOF: Final = "# EOF\n"
"""The end of a text in OpenMetrics."""

_TOGETHER: Final = 10
"""Orgs in a part: each part costs as much as an org by itself, and one change has all of a part written anew."""

_NO_SHARE: Final = OrgsShare((), (), ())
_NO_ROTATIONS: Final = Rotations(newest=(), counts=(), gaps=(), last_gaps={})

Encode: TypeAlias = "Callable[[CollectorRegistry], bytes]"
"""Writes a registry in the format that a monitor asks for."""


class _Form(NamedTuple):
    """How a format has a family."""

    head: str
    """What it means, and of which type it is."""
    sample: str
    """For `str.format`: places for the values of its labels, then for its own."""


class _Part:
    """The samples of some families, as they were written."""

    def __init__(self, rows: tuple[object, ...], forms: Mapping[str, _Form], families: Iterable[Many]) -> None:
        self._rows: Final = rows
        self.samples: Final = {
            # Most orgs have none of half of the families.
            family.name: "".join(starmap(forms[family.name].sample.format, family.samples))
            for family in families
            if family.samples
        }

    def holds(self, rows: tuple[object, ...]) -> bool:
        """Whether it was written of the same objects."""
        return len(rows) == len(self._rows) and all(mine is given for mine, given in zip(self._rows, rows, strict=True))


class Exposition:
    """Writes what monitoring is told. Threads may share it."""

    def __init__(self, unmanaged: int) -> None:
        """`unmanaged`: so many certificates that no credential has are written one by one."""
        self._unmanaged: Final = unmanaged
        self._lock: Final = Lock()
        self._kept: Final[dict[tuple[str, ...], dict[str, _Part]]] = {}

    def text(self, overview: Overview | None, alive: Liveness, encode: Encode) -> bytes:
        """All of it in one format; without an overview, as the history cannot be read, what is of the process alone."""
        whole = [_written(encode, of_process(alive, is_readable=overview is not None))]
        if overview is not None:
            found, without = shares(overview, self._unmanaged, _TOGETHER)
            with self._lock:
                whole += self._with_many(overview, found, encode)
            whole.append(_written(encode, of_rest(overview, without)))
        own = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=own)
        return "".join([*whole, encode(own).decode()]).encode()

    def _with_many(self, overview: Overview, found: Iterable[OrgsShare], encode: Encode) -> Iterator[str]:
        """The families that have many samples."""
        forms = _forms(encode, [*of_orgs(_NO_SHARE, overview.at), *of_rotations(_NO_ROTATIONS)])
        way = tuple(form.sample for form in forms.values())
        before, parts = self._kept.pop(way, {}), {}
        for share in found:
            name = share.lines[0].name
            part = before.get(name)
            is_same = part is not None and part.holds(share.rows)
            parts[name] = part if part and is_same else _Part(share.rows, forms, of_orgs(share, overview.at))
        rotations = before.get("")
        if rotations is None or not rotations.holds((overview.rotations,)):
            rotations = _Part((overview.rotations,), forms, of_rotations(overview.rotations))
        parts[""] = rotations
        # The last that was asked for is kept the longest.
        self._kept[way] = parts
        while len(self._kept) > _WAYS:
            del self._kept[next(iter(self._kept))]
        for name, form in forms.items():
            yield form.head
            yield from (part.samples.get(name, "") for part in parts.values())


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families: Final = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _written(encode: Encode, families: Iterable[Metric]) -> str:
    """What the library writes of them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    return encode(registry).decode().removesuffix(_EOF)


def _forms(encode: Encode, families: Iterable[Many]) -> dict[str, _Form]:
    """How a format has each family, by its name: what the library writes of one sample."""
    return {family.name: _form(_written(encode, [family.example("<{}>".format, float)])) for family in families}


def _form(written: str) -> _Form:
    meaning, kind, sample = written.split("\n", 2)
    line = sample.replace("{", "{{").replace("}", "}}")
    return _Form(f"{meaning}\n{kind}\n", re.sub(r"<(\d+)>|(\d+)\.0$", r"{\1\2}", line, flags=re.MULTILINE))
