"""The stores that config.yaml.example shows commented out: each is sound, and shows every option of its kind."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from rotator.config.plugins import store_settings
from rotator.config.secrets import SecretReference

EXAMPLE = Path(__file__).parents[3] / "config.yaml.example"


def block(kind: str) -> str:
    """The store of this kind, its comment signs taken away."""
    lines = EXAMPLE.read_text().splitlines()
    start = lines.index(f"  #   type: {kind}") - 1
    end = next(number for number in range(start, len(lines)) if not lines[number].startswith("  #"))
    return "\n".join(line.removeprefix("  # ") for line in lines[start:end])


def options(model: type[BaseModel]) -> set[str]:
    """Every option of a section, and of the sections in it."""
    found = set(model.model_fields)
    for field in model.model_fields.values():
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel) and inner is not SecretReference:
                found |= options(inner)
    return found


@pytest.mark.parametrize("kind", ["vault"])
def test_a_store_that_is_shown_commented_out_is_sound_and_shows_every_option(kind: str) -> None:
    text = block(kind)
    (settings,) = yaml.safe_load(text).values()
    model = store_settings(kind)
    read = model.model_validate(settings, context={"folder": Path("/etc/rotator")})
    assert read.type == kind
    for option in options(model):
        assert re.search(rf"\b{option}:", text), option


@pytest.mark.parametrize("kind", ["vault"])
def test_the_defaults_that_are_shown_are_the_defaults(kind: str) -> None:
    text, model = block(kind), store_settings(kind)
    shown = dict(re.findall(r"^  # (\w+): ([^{\n]+)$", text, re.MULTILINE))
    (settings,) = yaml.safe_load(text).values()
    usual = model.model_validate(settings)
    given: dict[str, Any] = {name: value for name, value in shown.items() if name not in {"ca", "namespace", "nodes"}}
    assert model.model_validate({**settings, **given}) == usual
