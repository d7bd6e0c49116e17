"""`type: email` in config.yaml."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from rotator.config.paths import ConfiguredPath
from rotator.config.secrets import SecretReference
from rotator.config.section import ChannelSettings, Words, written_as

Host = Annotated[str, written_as(r"[A-Za-z0-9.:_-]{1,253}", "must be the name or the address of a host")]
Mailbox = Annotated[
    str, written_as(r"[^\s@<>,;]+@[^\s@<>,;]+", "must be one mail address, such as operations@example.com")
]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]

_USUAL_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}


class EmailSettings(ChannelSettings):
    """Mail over SMTP."""

    type: Literal["email"]
    host: Host
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`none` sends in the clear, so without a login."""
    port: Port = Field(default_factory=lambda fields: _USUAL_PORTS.get(fields.get("security", ""), 587))
    username: Words | None = None
    password: SecretReference | None = None
    sender: Mailbox
    to: Annotated[tuple[Mailbox, ...], Field(min_length=1)]
    ca: ConfiguredPath | None = None
    digest_from: Annotated[int, Field(strict=True, ge=2)] = 5
    """So many messages that are due at once are sent as one mail."""

    @model_validator(mode="after")
    def _login_is_whole(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("give username and password, or neither")
        if self.username and self.security == "none":
            raise ValueError("security: none would send the password in the clear; use starttls or tls")
        return self
