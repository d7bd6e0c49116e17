"""What can be done with the components of a type of metadata."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Final, Generic, Protocol, TypeVar

from rotator.simulator.metadata.types.changes import Outcome, already_there, not_found
from rotator.simulator.org.schema.field import FIRST_API_VERSION, Field
from rotator.simulator.wire.unsupported import unsupported_fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotator.simulator.metadata.types.changes import Author, Mode
    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.components import Component
    from rotator.simulator.org.org import Org


class Listed(Protocol):
    """What listMetadata tells of a component."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def modified_at(self) -> datetime: ...
    @property
    def modified_by(self) -> str: ...


_NEVER: Final = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class ListedLine:
    """A line of a list, of what the simulated org keeps no record of; nobody made it, at no time, unless it is told."""

    name: str
    id: str = ""
    created_at: datetime = _NEVER
    modified_at: datetime = _NEVER
    modified_by: str = ""


@dataclass(frozen=True)
class MetadataType(ABC):
    """One type, with the API version that brought it."""

    directory: str
    suffix: str
    schema: Field
    since: int = FIRST_API_VERSION
    is_file: ClassVar[bool] = False
    """Whether its components are files with a description beside each: no CRUD call reads them."""

    @property
    def name(self) -> str:
        return self.schema.name

    @abstractmethod
    def listed(self, org: Org) -> Iterable[Listed]:
        """Every component, in the order in which they came into the org."""

    @abstractmethod
    def read(self, org: Org, name: str) -> Component | None:
        """A whole component by its full name, as a read returns it; None: there is none."""

    def path(self, name: str) -> str:
        """Where the file of a component is in an archive."""
        return f"{self.directory}/{name}.{self.suffix}"

    def schema_of(self, name: str) -> Field:  # noqa: ARG002 - settings have one for each
        """What a component is made of, and how its file's root is called."""
        return self.schema

    def first_version_of(self, name: str) -> int:  # noqa: ARG002 - settings have one for each
        """The API version that brought a component."""
        return self.since

    def check_mode(self, mode: Mode, name: str, *, is_there: bool) -> None:
        """Raises ComponentError for an update of what is not there, and for the creation of what is."""
        if mode == "update" and not is_there:
            raise not_found(self.name, name)
        if mode == "create" and is_there:
            raise already_there()

    def write(self, author: Author, name: str, given: Component, mode: Mode) -> Outcome:  # noqa: ARG002
        """Puts a component in place of what was there. Raises ComponentError, FaultError when it is not simulated."""
        raise unsupported_fault(f"Writing {self.name}")

    def delete(self, author: Author, name: str) -> Outcome:  # noqa: ARG002
        """Takes a component away. Raises as `write` does."""
        raise unsupported_fault(f"Deleting {self.name}")

    def rename(self, author: Author, old: str, new: str) -> None:  # noqa: ARG002
        """Gives a component another name. Raises as `write` does."""
        raise unsupported_fault(f"Renaming {self.name}")


_A = TypeVar("_A", bound="ClientApp")


class AppType(MetadataType, Generic[_A]):
    """A kind of app that consumers log in through."""

    @abstractmethod
    def apps(self, org: Org) -> dict[str, _A]:
        """Those of an org by their full names, in the order in which they came."""

    def shown(self, org: Org) -> dict[str, _A]:
        """Those of them that the Metadata API knows."""
        return self.apps(org)

    def listed(self, org: Org) -> Iterable[Listed]:
        return self.shown(org).values()

    def delete(self, author: Author, name: str) -> Outcome:
        if name not in self.shown(author.org):
            raise not_found(self.name, name)
        app = self.apps(author.org).pop(name)
        author.org.grants.end_of(app)
        return Outcome(app.id)

    def rename(self, author: Author, old: str, new: str) -> None:
        apps = self.apps(author.org)
        if old not in self.shown(author.org):
            raise not_found(self.name, old)
        if new in apps:
            raise already_there()
        app = apps.pop(old)
        app.rename(new)
        app.changed(author.at, author.user)
        apps[new] = app
