"""What a standard object is: its fields, and what a query may do with each (Object Reference)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import User

Row = Mapping[str, Any]
FieldType = Literal["id", "string", "boolean", "int", "datetime", "date", "reference", "email", "picklist"]


@dataclass(frozen=True)
class SField:
    """One field of an object."""

    name: str
    type: FieldType = "string"
    references: str = ""
    """The object that a reference leads to."""
    filterable: bool = True
    since: int = 0
    """The API version that brought it."""

    @property
    def relationship(self) -> str:
        """The name by which queries follow the reference; empty when they cannot."""
        return self.name.removesuffix("Id") if self.references else ""


@dataclass(frozen=True)
class Child:
    """The rows of another object that lead to those of this one."""

    name: str
    """What queries call the relationship."""
    object: str
    field: str
    """The reference that leads here."""


@dataclass(frozen=True)
class SObject:
    """One standard object."""

    name: str
    prefix: str
    """How its record ids begin."""
    fields: tuple[SField, ...]
    rows: Callable[[Org, User | None], Iterable[Row]]
    """Its rows as a user sees them; None: as somebody who sees everything."""
    complete: bool = False
    """Whether the simulated object has every field that the real one has: any other name is then a mistake."""
    most_rows: int | None = None
    """How many rows a query may return in all."""
    batch: int | None = None
    """How many rows one answer to a query holds; None: as many as any."""
    since: int = 0
    """The API version that brought it."""
    label: str = ""
    children: tuple[Child, ...] = ()

    def at(self, version: int) -> SObject:
        """The object with the fields of this API version."""
        if all(field.since <= version for field in self.fields):
            return self
        return replace(self, fields=tuple(field for field in self.fields if field.since <= version))

    def field(self, name: str) -> SField | None:
        """A field by its name, in any case of letters."""
        return next((field for field in self.fields if field.name.lower() == name.lower()), None)

    def relationship(self, name: str) -> SField | None:
        """The reference that queries follow by this name."""
        return next((field for field in self.fields if field.relationship.lower() == name.lower() != ""), None)


SObjects = Mapping[str, SObject]
"""Objects by name."""

ABSENT: Final = frozenset({"ActiveScratchOrg", "ScratchOrgInfo", "NamespaceRegistry", "SourceMember", "SandboxProcess"})
"""Objects of orgs that have what these two have not: a Dev Hub, source tracking, sandboxes."""


def plain(*names: str) -> tuple[SField, ...]:
    """Fields that hold a text."""
    return tuple(SField(name) for name in names)


def booleans(*names: str) -> tuple[SField, ...]:
    """Fields that are true or false."""
    return tuple(SField(name, "boolean") for name in names)


def numbers(*names: str) -> tuple[SField, ...]:
    """Fields that hold a whole number."""
    return tuple(SField(name, "int") for name in names)


def times(*names: str) -> tuple[SField, ...]:
    """Fields that hold a time."""
    return tuple(SField(name, "datetime") for name in names)


def reference(name: str, to: str) -> SField:
    """A field that holds the id of a row of another object."""
    return SField(name, "reference", to)


ID: Final = SField("Id", "id")
AUDIT: Final = (
    SField("CreatedDate", "datetime"),
    reference("CreatedById", "User"),
    SField("LastModifiedDate", "datetime"),
    reference("LastModifiedById", "User"),
    SField("SystemModstamp", "datetime"),
)
"""Who made a row, and when."""
