"""What a kind of store is: the plug-in behind `type` in config.yaml. `rotator docs stores` shows how to write one."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import rotator
from rotator.config.section import StoreSettings
from rotator.config.stores import load_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rotator.stores.base import Store

S = TypeVar("S", bound=StoreSettings)


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Surroundings:
    """What a store may use of the world outside it; tests give others."""

    environ: Mapping[str, str]
    """Where `{env: NAME}` in the settings is looked up."""
    now: Callable[[], datetime] = _utc_now
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    """A random number between two, so that programs do not come back at the same moment."""
    user_agent: str = field(default_factory=lambda: f"rotator/{rotator.__version__}")
    at_end: Callable[[Callable[[], None]], object] = lambda _close: None
    """Takes what closes connections and ends sessions when the program does."""


@dataclass(frozen=True)
class Policies:
    """The least that a store's own access control must allow, as text to give to it."""

    language: str
    """In what it is written, for a heading: `Vault policy`, `IAM policy`."""
    rotator: str
    consumers: Mapping[str, str]
    """For each credential, what a program that logs in with it needs."""
    others: Mapping[str, str] = field(default_factory=dict)
    """What somebody else must be allowed for it to work, by who that is, in words for a heading."""


@dataclass(frozen=True)
class StoreKind(Generic[S]):
    """A kind of store. An entry point in the group `rotator.stores` gives it its name in config.yaml."""

    settings: type[S]
    """What stands in config.yaml; its module imports nothing heavy, as every command reads it."""
    open: Callable[[str, S, Surroundings], Store]
    """Makes a store by its name in config.yaml. It connects to nothing yet. Raises ConfigurationError."""
    policies: Callable[[S, Sequence[str]], Policies] | None = None
    """For `rotator check --print-policy`, for these credentials; None where the system has no policies."""


def kind_of(settings: StoreSettings) -> StoreKind[Any]:
    """The kind that settings are of."""
    kind: StoreKind[Any] = load_kind(settings.type)
    return kind
