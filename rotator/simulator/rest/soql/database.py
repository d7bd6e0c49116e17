"""The objects of an org as one user sees them, and how a query reaches their fields."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.org.schema.field import LAST_API_VERSION
from rotator.simulator.rest.sobjects import ABSENT, Row, SField, SObject, SObjects
from rotator.simulator.rest.soql.tree import Path, QueryError, unsupported

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import User
    from rotator.simulator.rest.sobjects import Child

_HINT: Final = (
    " If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
_NOWHERE: Final = ABSENT | {"Certificate"}
"""Objects that are known to be absent where there is no table of them: this one is of the Tooling API alone."""
_CUSTOM: Final = re.compile(r".*__\w+", re.IGNORECASE)


@dataclass
class Database:
    """The objects of an org as one user sees them; rows are made once for a query."""

    org: Org
    user: User | None
    objects: SObjects
    version: int = LAST_API_VERSION
    _rows: dict[str, list[Row]] = field(default_factory=dict)

    def object(self, name: str) -> SObject:
        """An object by its name. Raises QueryError when the user has none of it, or it is not simulated."""
        found = next((each for each in self.objects.values() if each.name.lower() == name.lower()), None)
        if found is None and not (_CUSTOM.fullmatch(name) or name in _NOWHERE):
            raise unsupported(f"The object {name}")
        if found is None or found.name in self.org.settings.hidden_types or found.since > self.version:
            raise QueryError("INVALID_TYPE", f"sObject type '{name}' is not supported.")
        return found.at(self.version)

    def rows(self, table: SObject) -> list[Row]:
        """All rows of an object."""
        if table.name not in self._rows:
            usual = {each.name: False if each.type == "boolean" else None for each in table.fields}
            self._rows[table.name] = [{**usual, **row} for row in table.rows(self.org, self.user)]
        return self._rows[table.name]

    def column(self, table: SObject, path: Path, alias: str = "") -> Column:
        """A field by its path, which may begin with what the object is called. Raises QueryError when there is none."""
        *relationships, name = path
        steps: list[tuple[SField, SObject]] = []
        at = table
        if relationships and relationships[0].lower() in {table.name.lower(), alias.lower()}:
            relationships = relationships[1:]
        for relationship in relationships:
            followed = at.relationship(relationship)
            if followed is None:
                raise _no_column(at, relationship, f"Didn't understand relationship '{relationship}' in field path.")
            at = self.object(followed.references)
            steps.append((followed, at))
        found = at.field(name)
        if found is None:
            raise _no_column(at, name, f"No such column '{name}' on entity '{at.name}'.{_HINT}")
        return Column(self, tuple(steps), at, found)

    def child(self, table: SObject, name: str) -> Child:
        """The rows that lead to those of an object, by the relationship's name. Raises QueryError for any other."""
        found = next((each for each in table.children if each.name.lower() == name.lower()), None)
        if found is None:
            raise unsupported(f"The child relationship {name} of {table.name}")
        return found

    def by_id(self, table: SObject, record_id: Any) -> Row | None:
        """The row with this id, of 15 or 18 characters."""
        return next((row for row in self.rows(table) if str(row["Id"])[:15] == str(record_id)[:15]), None)


def _no_column(table: SObject, name: str, message: str) -> QueryError:
    """Of an object that is simulated in part, an unknown name may be a field that the real one has."""
    if table.complete or _CUSTOM.fullmatch(name):
        return QueryError("INVALID_FIELD", message)
    return unsupported(f"The field {name} of {table.name}")


@dataclass(frozen=True)
class Column:
    """One field, reached from the rows of a query over references."""

    database: Database
    steps: tuple[tuple[SField, SObject], ...]
    table: SObject
    field: SField

    @property
    def names(self) -> tuple[str, ...]:
        """The path in the letters that the objects use."""
        return (*(step.relationship for step, _ in self.steps), self.field.name)

    def owner(self, row: Row) -> Row | None:
        """The row that the references lead to."""
        at: Row | None = row
        for step, table in self.steps:
            at = self.database.by_id(table, at[step.name]) if at and at[step.name] else None
        return at

    def value(self, row: Row) -> Any:
        owner = self.owner(row)
        return owner[self.field.name] if owner else None
