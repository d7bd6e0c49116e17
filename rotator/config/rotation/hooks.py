"""What is called after a rotation: commands, webhooks and units of systemd."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag, model_validator

from rotator.config.durations import Period
from rotator.config.paths import ConfiguredPath, WebhookUrl
from rotator.config.secrets import SecretReference
from rotator.config.section import ONE_LINE, Name, Section, written_as
from rotator.core.hook import HookEvent

COMMAND: Final = "hook that is a command"
UNIT_HOOK: Final = "hook that is a unit"
WEBHOOK: Final = "hook that is a webhook"
"""Marks that pydantic puts into the places of mistakes."""

_LONGEST: Final = timedelta(minutes=10)

Argument = Annotated[str, StringConstraints(max_length=4096), ONE_LINE]
Unit = Annotated[
    str,
    written_as(
        r"[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,250}\.(service|socket|target|path|timer)",
        "must be the name of a unit of systemd, such as billing.service",
    ),
]
"""Its name (systemd.unit(5)), which cannot begin like an option."""
User = Annotated[str, written_as(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}\$?", "must be the name of a user of this machine")]
"""Its name (useradd(8))."""


def _bounded(timeout: timedelta) -> timedelta:
    if timeout > _LONGEST:
        raise ValueError("must be at most 10 minutes")
    return timeout


class HookSettings(Section):
    """When a hook is called, and for how long it may take."""

    on: Annotated[tuple[HookEvent, ...], Field(min_length=1)] = (HookEvent.ROTATED, HookEvent.RESTORED)
    """After which events."""
    credentials: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Of which credentials; of all where nothing is said."""
    timeout: Annotated[Period, AfterValidator(_bounded)] = timedelta(seconds=30)

    def wants(self, event: HookEvent, credential: str) -> bool:
        """Whether it is called after that."""
        return event in self.on and (self.credentials is None or credential in self.credentials)


class CommandHookSettings(HookSettings):
    """A program with its arguments, without a shell."""

    type: Literal["command"]
    command: Annotated[tuple[Argument, ...], Field(min_length=1)]
    user: User | None = None
    """As whom it runs; as rotator does, where nothing is said."""

    @model_validator(mode="after")
    def _is_a_path(self) -> Self:
        if not Path(self.command[0]).is_absolute():
            raise ValueError(
                "command must begin with the whole path of a program, such as /usr/local/bin/after-rotation"
            )
        return self


class UnitHookSettings(HookSettings):
    """A unit of systemd on this machine, to be reloaded or restarted."""

    type: Literal["unit"]
    reload: Unit | None = None
    restart: Unit | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.reload is None) == (self.restart is None):
            raise ValueError("give exactly one of reload and restart")
        return self

    @property
    def arguments(self) -> tuple[str, str]:
        """What systemctl is told."""
        return ("restart", self.restart) if self.restart is not None else ("reload", str(self.reload))


class WebhookSettings(HookSettings):
    """A signed request (Standard Webhooks, version 1)."""

    type: Literal["webhook"]
    url: WebhookUrl
    secret: SecretReference
    """Signs it: 24 to 64 bytes in base64, with `whsec_` before them or not."""
    ca: ConfiguredPath | None = None
    """PEM file of authorities to trust instead of the system's."""


_MARKS: Final = {"command": COMMAND, "unit": UNIT_HOOK, "webhook": WEBHOOK}


def _kind_of_hook(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return _MARKS.get(kind) if isinstance(kind, str) else None


Hook = Annotated[
    Annotated[CommandHookSettings, Tag(COMMAND)]
    | Annotated[UnitHookSettings, Tag(UNIT_HOOK)]
    | Annotated[WebhookSettings, Tag(WEBHOOK)],
    Discriminator(
        _kind_of_hook,
        custom_error_type="hook_type",
        custom_error_message="must be a group of indented keys, with `type`: command, unit or webhook",
    ),
]


class HooksSettings(Section):
    """`hooks:`. None of them changes how a rotation ends."""

    after_rotation: dict[Name, Hook] = Field(default_factory=dict)
