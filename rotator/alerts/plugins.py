"""What a type of channel is: the plug-in behind `type` in config.yaml. `rotator docs alerts` shows how to write one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rotator.entry_points import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.alerts.base import Channel
    from rotator.config.section import ChannelSettings
    from rotator.entry_points import Surroundings

S = TypeVar("S", bound="ChannelSettings")
"""Its settings."""


@dataclass(frozen=True)
class ChannelPlugin(Generic[S]):
    """A type of channel. An entry point in the group `rotator.channels` gives it its name.

    Its module is imported by every command that reads a configuration with such a channel, so it imports nothing heavy:
    each of these functions imports what it needs.
    """

    settings: Callable[[], type[S]]
    """Gives what stands in config.yaml."""
    open: Callable[[str, S, Surroundings], Channel]
    """Makes a channel by its name in config.yaml, without a call to anybody. What makes it digests and whether it has
    threads says the channel. Raises ConfigurationError when a secret or a setting is unusable."""


def channel_plugin(name: str) -> ChannelPlugin[Any]:
    """The plug-in of a type of channel. Raises NoSuchPlugin."""
    plugin: ChannelPlugin[Any] = CHANNELS.load(name)
    return plugin


def open_channel(name: str, settings: ChannelSettings, around: Surroundings) -> Channel:
    """The channel of these settings, without a call to anybody. Raises ConfigurationError."""
    return channel_plugin(settings.type).open(name, settings, around)
