"""The stores in config.yaml, each read by the settings of its kind."""

from typing import Annotated, Any

from pydantic import PlainValidator, ValidationError, ValidationInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

from rotator.config.kinds import NoSuchKind, settings_of
from rotator.config.section import StoreSettings


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
