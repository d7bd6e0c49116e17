"""The command line in-process."""

from pathlib import Path

import pytest

from rotator.cli.error_output import run
from rotator.cli.main import cli
from tests.unit.cli.outcomes import Command, Outcome


@pytest.fixture
def rotator(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `rotator` in this process."""

    def command(*arguments: str | Path) -> Outcome:
        code = run(cli, "rotator", [str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return command
