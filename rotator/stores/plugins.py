"""What a type of store is: the plug-in behind `type` in config.yaml. `rotator docs stores` shows how to write one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rotator.entry_points import STORES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rotator.core.usage.told_reports import LeavesReport
    from rotator.entry_points import Surroundings
    from rotator.stores.addresses import CredentialAddress
    from rotator.stores.base import Reader, Store

S = TypeVar("S")
"""Its settings, a `rotator.config.section.StoreSettings`; not named here, as a consumer has no configuration."""


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
class StorePlugin(Generic[S]):
    """A type of store. An entry point in the group `rotator.stores` gives it its name.

    Its module is imported by every command and every consumer that names it, so it imports nothing heavy: each of these
    functions imports what it needs, and a consumer never calls `settings`, which needs pydantic.
    """

    settings: Callable[[], type[S]]
    """Gives what stands in config.yaml."""
    open: Callable[[str, S, Surroundings], Store]
    """Makes a store by its name in config.yaml. It connects to nothing yet. Raises ConfigurationError."""
    reader: Callable[[CredentialAddress, Surroundings], Reader] | None = None
    """Makes what reads a credential by its address (`rotator.consumer.login`); None where nothing can.

    It connects to nothing yet. Raises ConfigurationError.
    """
    policies: Callable[[S, Sequence[str]], Policies] | None = None
    """For `rotator check --print-policy`, for these credentials; None where the system has no policies."""
    reporter: Callable[[CredentialAddress, Surroundings], LeavesReport] | None = None
    """Makes what leaves a consumer's report beside a credential, where its store has `reports`; None where nothing can.

    It connects to nothing yet. Raises ConfigurationError.
    """


class StoreKind(StorePlugin[S]):
    """The form that plug-ins had in release 0.1, and have for one more: the settings themselves, and no reader."""

    def __init__(
        self,
        settings: type[S],
        open: Callable[[str, S, Surroundings], Store],  # noqa: A002 - the name that it has had
        policies: Callable[[S, Sequence[str]], Policies] | None = None,
    ) -> None:
        warnings.warn("StoreKind is StorePlugin now (see `rotator docs stores`)", DeprecationWarning, stacklevel=2)
        super().__init__(lambda: settings, open, policies=policies)


def store_plugin(name: str) -> StorePlugin[Any]:
    """The plug-in of a type of store. Raises NoSuchPlugin."""
    plugin: StorePlugin[Any] = STORES.load(name)
    return plugin
