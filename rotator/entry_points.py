"""What other packages add to the program: plug-ins, which they register as entry points.

A group of entry points has plug-ins of one sort: `rotator.stores` has the stores, `rotator.channels` the channels of
alerts, each by its `type` in config.yaml. The program's own are registered as anybody's are, and listed here as well:
to look through the metadata of every installed package takes longer than most commands do, so that is done only for a
name that is not in the list. It is also why nobody replaces one of ours, by mistake or on purpose.

A plug-in is code of another package. What it raises while it is imported is told to the person who named it.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Final

import rotator
from rotator.core import words
from rotator.core.retry import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.metadata import EntryPoint


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Surroundings:
    """What a plug-in may use of the world outside it; tests give others."""

    environ: Mapping[str, str]
    """Where `{env: NAME}` in the settings is looked up."""
    now: Callable[[], datetime] = _utc_now
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    """A random number between two, so that programs do not come back at the same moment."""
    user_agent: str = field(default_factory=lambda: f"rotator/{rotator.__version__}")
    at_end: Callable[[Callable[[], None]], object] = lambda _close: None
    """Takes what closes connections and ends sessions when the program does."""
    patience: float = 30.0
    """Seconds for which a call to a system that is busy or away is tried again, unless the settings say otherwise.

    A channel has no need of it: what it does not accept is tried again later.
    """
    elapsed: Callable[[], float] = time.monotonic
    """Seconds that patience is measured in."""
    before_change: Callable[[], None] = lambda: None
    """To be called just before each request that changes something, also one that is sent again.

    It raises an error where this process may change nothing any more, as another has its place. It was asked before the
    call to the plug-in already; what tries again for long, or takes several requests, asks anew.
    """

    def waiting(self, patience: float | None = None) -> Waiting:
        """The loops in which a plug-in waits; `patience` is in seconds."""
        return Waiting(
            self.patience if patience is None else patience, self.now, self.elapsed, self.sleep, self.uniform
        )


class NoSuchPlugin(ValueError):
    """There is no plug-in of this name, or it cannot be used; the text says which and why."""


class PluginGroup:
    """The plug-ins of one group of entry points."""

    def __init__(self, name: str, noun: str, plugin: str, built_in: Mapping[str, str]) -> None:
        """`noun` is what a plug-in is of, for people; `plugin` names the class of what an entry point leads to."""
        self.name: Final = name
        self.built_in: Final = built_in
        self._noun: Final = noun
        self._plugin: Final = plugin
        self._load: Final = cache(self._resolve)

    def names(self) -> list[str]:
        """Every name that is registered on this machine."""
        from importlib.metadata import entry_points  # noqa: PLC0415 - see the module

        return sorted({*self.built_in, *entry_points(group=self.name).names})

    def load(self, name: str) -> Any:
        """The plug-in that is registered by a name. Raises NoSuchPlugin."""
        return self._load(name)

    def unusable(self, name: str, error: Exception) -> NoSuchPlugin:
        """The error for a plug-in that raised another; it quotes the first line."""
        first = str(error).strip().partition("\n")[0].rstrip(".")
        reason = f"{type(error).__name__}: {first}" if first else type(error).__name__
        return NoSuchPlugin(f"{_origin(self._entry(name))} cannot be loaded: {reason}")

    def _resolve(self, name: str) -> Any:
        if name in self.built_in:
            return resolve_name(self.built_in[name])
        entry = self._entry(name)
        try:
            plugin = entry.load()
        except Exception as error:  # whatever a plug-in raises when it is imported, it is unusable
            raise self.unusable(name, error) from None
        if not isinstance(plugin, resolve_name(self._plugin)):
            raise NoSuchPlugin(f"{_origin(entry)} is not a {self._plugin.replace(':', '.')}")
        return plugin

    def _entry(self, name: str) -> EntryPoint:
        from importlib.metadata import entry_points  # noqa: PLC0415 - see the module

        found = list({entry.value: entry for entry in entry_points(group=self.name, name=name)}.values())
        if not found:
            raise NoSuchPlugin(f"there is no type of {self._noun} `{name}`{nearest(name, self.names())}")
        if len(found) > 1:
            packages = words.listed(sorted(map(_origin, found)))
            raise NoSuchPlugin(f"the type of {self._noun} `{name}` is in several packages: {packages}")
        return found[0]


STORES: Final = PluginGroup(
    "rotator.stores",
    "store",
    "rotator.stores.plugins:StorePlugin",
    {
        "aws": "rotator.stores.aws.plugin:PLUGIN",
        "files": "rotator.stores.files.plugin:PLUGIN",
        "vault": "rotator.stores.vault.plugin:PLUGIN",
    },
)

CHANNELS: Final = PluginGroup(
    "rotator.channels",
    "channel",
    "rotator.alerts.plugins:ChannelPlugin",
    {
        "apprise": "rotator.alerts.apprise.plugin:PLUGIN",
        "email": "rotator.alerts.mail.plugin:PLUGIN",
        "slack": "rotator.alerts.slack.plugin:BOT",
        "slack-webhook": "rotator.alerts.slack.plugin:WEBHOOK",
    },
)


def nearest(word: str, known: list[str]) -> str:
    """`; did you mean X?`, or the names there are, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - for who mistyped

    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; there is {', '.join(known)}" if known else ""


def _origin(entry: EntryPoint) -> str:
    package = f" of {entry.dist.name} {entry.dist.version}" if entry.dist else ""
    return f"the plug-in `{entry.name}`{package} ({entry.value})"
