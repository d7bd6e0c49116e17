"""The stores in config.yaml, each read by the settings of its kind."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import PlainValidator, ValidationError, ValidationInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

from rotator.config.section import StoreSettings
from rotator.config.validation_errors import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable


GROUP: Final = "rotator.stores"

BUILT_IN: Final = {
    "aws": "rotator.stores.aws.plugin:KIND",
    "files": "rotator.stores.files.plugin:KIND",
    "vault": "rotator.stores.vault.plugin:KIND",
}
"""What this package registers in GROUP itself; found here first, so that most commands search no metadata."""


class NoSuchKind(ValueError):
    """There is no such kind of store, or its plug-in cannot be used; the text says which and why."""


def kind_names() -> list[str]:
    """Every `type` that a store can have on this machine."""
    return sorted({*BUILT_IN, *entry_points(group=GROUP).names})


@lru_cache
def load_kind(name: str) -> Any:
    """The `rotator.stores.plugins.StoreKind` that is registered by a name. Raises NoSuchKind."""
    entry = _entry(name)
    try:
        kind = entry.load()
    except Exception as error:
        # Whatever a plug-in raises while it is imported, it is the configuration that names it.
        raise NoSuchKind(f"{_origin(entry)} cannot be loaded: {_sentence(error)}") from None
    settings = getattr(kind, "settings", None)
    if not (isinstance(settings, type) and issubclass(settings, StoreSettings) and callable(kind.open)):
        raise NoSuchKind(f"{_origin(entry)} is not a rotator.stores.plugins.StoreKind")
    return kind


def settings_of(name: str) -> type[StoreSettings]:
    """The settings that a kind of store has in config.yaml. Raises NoSuchKind."""
    model: type[StoreSettings] = load_kind(name).settings
    return model


def _entry(name: str) -> EntryPoint:
    if name in BUILT_IN:
        return EntryPoint(name, BUILT_IN[name], GROUP)
    found = list({entry.value: entry for entry in entry_points(group=GROUP, name=name)}.values())
    if not found:
        raise NoSuchKind(f"there is no kind of store `{name}`{nearest(name, kind_names())}")
    if len(found) > 1:
        raise NoSuchKind(f"the kind `{name}` is in several packages: {_listed(_origin(entry) for entry in found)}")
    return found[0]


def _origin(entry: EntryPoint) -> str:
    package = f" of {entry.dist.name} {entry.dist.version}" if entry.dist else ""
    return f"the plug-in `{entry.name}`{package} ({entry.value})"


def _listed(parts: Iterable[str]) -> str:
    return " and ".join(sorted(parts))


def _sentence(error: Exception) -> str:
    first = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _of_its_kind(value: Any, info: ValidationInfo) -> StoreSettings:
    if isinstance(value, StoreSettings):
        return value
    type_alone = {key: value[key] for key in value if key == "type"} if isinstance(value, dict) else value
    named = StoreSettings.model_validate(type_alone)
    try:
        model = settings_of(named.type)
    except NoSuchKind as reason:
        sentence = PydanticCustomError("kind", str(reason))
        details = InitErrorDetails(type=sentence, loc=("type",), input=None)
        raise ValidationError.from_exception_data("store", [details], hide_input=True) from None
    return model.model_validate(value, context=info.context)


Store = Annotated[StoreSettings, PlainValidator(_of_its_kind)]
"""A store of any kind."""
