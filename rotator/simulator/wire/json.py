"""What another process sends to the control paths, checked against the dataclass that it is to become."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from rotator.errors import ConfigurationError

_T = TypeVar("_T")


def read_json(kind: type[_T], value: Any, *, example: str) -> _T:
    """The value as an instance of the dataclass. Raises ConfigurationError for unknown names and wrong types."""
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type] # every kind here is a dataclass
    unknown = set(value) - known if isinstance(value, dict) else set()
    if unknown:
        raise _refused(f"{', '.join(sorted(unknown))}: none of {', '.join(sorted(known))}", example)
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise _refused(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", example) from None


def _refused(reason: str, example: str) -> ConfigurationError:
    return ConfigurationError(
        f"The simulated org cannot use this: {reason}.",
        effect="Nothing was changed.",
        hint=f"Send for example {example}.",
    )
