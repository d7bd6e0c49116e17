"""The parts of config.yaml whose keys a plug-in knows: each is read by the settings of its `type`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import PlainValidator, ValidationError, ValidationInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

from rotator.config.section import ChannelSettings, Section, StoreSettings
from rotator.entry_points import CHANNELS, STORES, NoSuchPlugin, PluginGroup

if TYPE_CHECKING:
    from collections.abc import Callable

_S = TypeVar("_S", bound=Section)


def store_settings(name: str) -> type[StoreSettings]:
    """The settings that a type of store has in config.yaml. Raises NoSuchPlugin."""
    return _settings(STORES, name, StoreSettings)


def channel_settings(name: str) -> type[ChannelSettings]:
    """The settings that a type of channel has in config.yaml. Raises NoSuchPlugin."""
    return _settings(CHANNELS, name, ChannelSettings)


def _settings(group: PluginGroup, name: str, base: type[_S]) -> type[_S]:
    plugin = group.load(name)
    try:
        model: type[_S] = plugin.settings()
        if not issubclass(model, base):
            raise TypeError(f"its settings are no {base.__module__}.{base.__name__}")
    except Exception as error:  # whatever a plug-in's import raises, it is the configuration that names it
        raise group.unusable(name, error) from None
    return model


def _by_type(group: PluginGroup, base: type[_S]) -> Callable[[Any, ValidationInfo], _S]:
    """Reads a part of config.yaml by the settings of the plug-in that its `type` names."""

    def read(value: Any, info: ValidationInfo) -> _S:
        if isinstance(value, base):
            return value
        type_alone = {key: value[key] for key in value if key == "type"} if isinstance(value, dict) else value
        named: Any = base.model_validate(type_alone)
        try:
            model = _settings(group, named.type, base)
        except NoSuchPlugin as reason:
            sentence = PydanticCustomError("kind", str(reason))
            details = InitErrorDetails(type=sentence, loc=("type",), input=None)
            raise ValidationError.from_exception_data(base.__name__, [details], hide_input=True) from None
        return model.model_validate(value, context=info.context)

    return read


Store = Annotated[StoreSettings, PlainValidator(_by_type(STORES, StoreSettings))]
"""A store of any type."""
Channel = Annotated[ChannelSettings, PlainValidator(_by_type(CHANNELS, ChannelSettings))]
"""A channel of any type."""
