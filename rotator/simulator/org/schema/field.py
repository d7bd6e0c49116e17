"""What a metadata type is made of: elements and groups of elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

FIRST_API_VERSION: Final = 29
"""The API version that brought ConnectedApp, the oldest that the simulated org knows."""

LAST_API_VERSION: Final = 999
"""Of what no API version has taken away yet."""

_SOAP_TYPES: Final = {"text": "string", "flag": "boolean", "number": "int"}


@dataclass(frozen=True)
class Field:
    """One element of a type, a group of elements inside it, or the whole type."""

    name: str
    kind: Literal["text", "flag", "number", "enum", "group"] = "text"
    since: int = FIRST_API_VERSION
    until: int = LAST_API_VERSION
    """The last API version that has it."""
    required: bool = False
    many: bool = False
    default: str | None = None
    """What an element that is left out becomes."""
    kept: bool = False
    """Whether an update that leaves the element out leaves its value alone."""
    returned: bool = True
    """Whether a read ever returns it."""
    always: bool = False
    """Whether a read returns the group even when nothing in it was set."""
    type_name: str = ""
    """The WSDL's name of a group or an enumeration."""
    fields: tuple[Field, ...] = ()
    values: tuple[str, ...] = ()
    """What an enumeration may be, in the order in which a list of it comes back."""

    def is_in(self, version: int) -> bool:
        """Whether this API version has it."""
        return self.since <= version <= self.until

    @property
    def soap_type(self) -> str:
        """The type's name in the WSDL."""
        return _SOAP_TYPES.get(self.kind, self.type_name)


def text(name: str, *, required: bool = False, many: bool = False, since: int = FIRST_API_VERSION) -> Field:
    """An element that holds a text."""
    return Field(name, required=required, many=many, since=since)


def texts(*names: str, since: int = FIRST_API_VERSION) -> tuple[Field, ...]:
    """Several elements that may hold a text."""
    return tuple(Field(name, since=since) for name in names)


def flag(name: str, since: int = FIRST_API_VERSION, *, required: bool = False, default: str = "false") -> Field:
    """A boolean; a read returns it even when it was never set."""
    return Field(name, "flag", since, required=required, default=default)


def flags(*names: str, since: int = FIRST_API_VERSION, default: str = "false") -> tuple[Field, ...]:
    """Several booleans of one version and default."""
    return tuple(flag(name, since, default=default) for name in names)


def number(name: str, *, required: bool = False, since: int = FIRST_API_VERSION) -> Field:
    """A whole number."""
    return Field(name, "number", since, required=required)


def enum(
    name: str,
    type_name: str,
    *values: str,
    default: str | None = None,
    required: bool = False,
    since: int = FIRST_API_VERSION,
) -> Field:
    """One of a few words."""
    return Field(name, "enum", since, required=required, type_name=type_name, values=values, default=default)


def group(
    name: str, type_name: str, *fields: Field, since: int = FIRST_API_VERSION, many: bool = False, always: bool = False
) -> Field:
    """Elements inside an element."""
    return Field(name, "group", since, many=many, always=always, type_name=type_name, fields=fields)


def metadata_type(name: str, *fields: Field) -> Field:
    """A whole type; `fullName` comes first, from the base type Metadata."""
    return group(name, name, Field("fullName"), *fields)
