"""What a cycle is made with, and what the pages say before there is a history to show."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from unittest.mock import Mock, call

import pytest

from rotator.application import Application
from rotator.daemon.daemon_run import DaemonRun, PageSource
from rotator.errors import HistoryUnavailable
from rotator.services.schedule.memory.service_memory import ServiceMemory

if TYPE_CHECKING:
    from pathlib import Path


def test_a_cycle_has_what_its_process_was_started_with(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_asked, rotations, memory = Mock(), Mock(), ServiceMemory()
    with Application.configured(config, {}) as app:
        monkeypatch.setattr(app, "service_memory", lambda: memory)
        daemon_run = DaemonRun(app, random=lambda: 0.5, stop_asked=stop_asked, rotations=rotations)
        context = daemon_run.context
        assert (context.stop_asked, context.memory) == (stop_asked, memory)
        assert str(context.actor) == f"rotator on {socket.gethostname()}"
        context.listener("billing")
        assert rotations.follow.mock_calls == [call(app.settings, "billing")]
        with daemon_run.lead() as hold:
            assert hold.still_held()


def test_before_there_is_a_history_the_pages_say_what_does_not_happen_and_what_is_done_about_it() -> None:
    with pytest.raises(HistoryUnavailable) as missing:
        PageSource().overview()
    assert missing.value.effect == "No inventory is taken and nothing is rotated meanwhile."
    assert missing.value.hint.startswith("It is tried again on every tick")
