"""What a machine of a test remembers together with the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.queue.configurations import Configurations
from rotator.services.schedule.memory.service_memory import shared_memory

if TYPE_CHECKING:
    from rotator.config.settings import Settings
    from rotator.queue.remembered import Remembered
    from rotator.services.schedule.memory.service_memory import ServiceMemory


def memory_of(remembered: Remembered, settings: Settings, *, host: str = "crm-1") -> ServiceMemory:
    """That of a machine on this host."""
    return shared_memory(remembered, settings, Configurations(remembered._database), pid=1, host=host)
