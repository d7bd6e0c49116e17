"""What is typed wrong in itself is a usage mistake that touches nothing, whatever is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.outcomes import Command

NO_UTF8 = "billing\udcff"
"""As a byte comes that is no UTF-8 (PEP 383)."""
NO_VARIABLE = "A=B"


@pytest.mark.parametrize(
    "arguments",
    [
        ("history", NO_UTF8),
        ("history", "--limit", "9223372036854775808"),
        ("alerts", "list", NO_UTF8),
        ("alerts", "ack", NO_UTF8, "--reason", "seen"),
        ("alerts", "snooze", NO_UTF8, "--for", "1d", "--reason", "seen"),
        ("adopt", "billing", "--key", "key.pem", "--password-env", NO_VARIABLE),
        ("export", "billing", "--format", "jks", "--out", "store.jks", "--password-env", NO_VARIABLE),
    ],
)
def test_what_can_be_nothing_is_a_mistake_of_who_typed_it(
    rotator: Command, config: Path, arguments: tuple[str, ...]
) -> None:
    outcome = rotator("--config", config, *arguments)
    assert outcome.code == 2
    assert "fault" not in outcome.err
    assert ascii(arguments[-1])[1:-1] in outcome.err or "billing\\udcff" in outcome.err
