"""Mistakes in config.yaml, each one sentence with its line; never with a value, which may be a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel

from rotator.entry_points import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

Place = tuple[str | int, ...]
"""A path of keys and list positions in config.yaml."""


@dataclass(frozen=True, order=True)
class Mistake:
    """One thing that cannot be meant."""

    line: int
    place: Place
    sentence: str

    def __str__(self) -> str:
        return f"{dotted(self.place)}: {self.sentence}" if self.place else self.sentence


def dotted(place: Place) -> str:
    """`credentials.billing.apps[0]`."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


_SENTENCES: Final = {
    "missing": "it is missing",
    "string_type": "must be text; put it in quotes if it is meant to be",
    "int_type": "must be a whole number",
    "model_type": "must be a group of indented keys",
    "model_attributes_type": "must be a group of indented keys",
    "dict_type": "must be a group of indented names",
    "tuple_type": "must be a list in square brackets",
    "path_type": "must be a path",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "value_error": "{error}",
}


def describe(error: ErrorDetails, place: Place, model: type[BaseModel]) -> str:
    """One sentence for an error that pydantic found at `place` of a document of `model`."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(str(place[-1]), known_keys(model, place[:-1]))
    if kind in {"too_short", "too_long"}:
        return _wrong_count(place, context)
    return _SENTENCES[kind].format(**context) if kind in _SENTENCES else error["msg"]


def known_keys(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that may stand at `place` in a document of `model`."""
    found: list[Any] = [model]
    for part in place:
        found = [inner for kind in found for inner in _step(kind, part)]
    models = [kind for kind in found if _is_model(kind)]
    return sorted({field.alias or key for each in models for key, field in each.model_fields.items()})


def _unknown_key(key: str, known: list[str]) -> str:
    return f"unknown key{nearest(key, known)}"


def _wrong_count(place: Place, context: dict[str, Any]) -> str:
    if context.get("max_length") == 2 or place[-1] == "apps":
        return "must be one app, or two that take turns"
    return f"must have at most {context['max_length']} entries" if "max_length" in context else "must not be empty"


def _step(kind: Any, part: str | int) -> Iterator[Any]:
    """The types that may stand at `part` of a value of type `kind`."""
    if _is_model(kind):
        inner = kind.model_fields.get(part)
        if inner is not None:
            yield from _plain(inner.annotation)
        return
    for argument in get_args(kind)[-2:]:
        # Of tuple[X, ...] the first is the type, of dict[Name, X] the second.
        yield from _plain(argument)


def _plain(annotation: Any) -> Iterator[Any]:
    """`annotation` without Annotated, and each member of a union by itself."""
    if hasattr(annotation, "__metadata__"):
        yield from _plain(annotation.__origin__)
    elif _is_model(annotation) or getattr(annotation, "__origin__", None) in {dict, tuple}:
        yield annotation
    else:
        for member in get_args(annotation):
            yield from _plain(member)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
