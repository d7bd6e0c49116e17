"""Which credentials a command is about: it advises no option that it does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.cli.exit_codes import ExitCode
from tests.unit.configurations import with_credentials

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.outcomes import Command

NAMED = ("rotate now", "rotate back", "rotate restore", "enroll", "verify", "revoke --reason x")


@pytest.mark.parametrize("command", NAMED)
def test_who_names_no_credential_is_told_of_all_only_where_there_is_that(
    rotator: Command, config: Path, command: str
) -> None:
    end = rotator("--config", config, *command.split())
    assert end.code == ExitCode.WRONG_INPUT
    assert "Name one of billing" in end.err
    help_of_it = rotator(*command.split()[: 1 + command.startswith("rotate")], "--help").out
    assert ("--all" in end.err) == ("--all" in help_of_it)


@pytest.mark.parametrize("command", ["rotate now", "rotate now nobody", "pause --reason x"])
def test_of_hundreds_of_credentials_to_choose_from_some_are_named(
    rotator: Command, tmp_path: Path, command: str
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(with_credentials(*(f"app_{number:03}" for number in range(300))))
    end = rotator("--config", config, *command.split())
    assert end.code == ExitCode.WRONG_INPUT
    assert "app_011, 288 others" in end.err
    assert "app_012" not in end.err
