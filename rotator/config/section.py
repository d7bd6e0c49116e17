"""What every part of config.yaml is, and what every type of store has in it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints


class Section(BaseModel):
    """A part of config.yaml: an unknown key in it is a mistake, and what was read never changes."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        # Of each part for itself: it is built again as a part of all settings.
        defer_build=True,
    )


Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


class StoreSettings(Section):
    """A store; each type of store adds what it needs (`rotator.stores.plugins`)."""

    type: str
