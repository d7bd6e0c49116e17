import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import rotator as package
from rotator.cli.main import COMMANDS, cli
from tests.tiers import first_standard, longer, standard_first, thorough
from tests.unit.cli.outcomes import Command
from tests.unit.test_house import leaves

OF_OTHER_STORES = ("boto3", "botocore", "hvac", "psycopg")
HEAVY = (
    *OF_OTHER_STORES, "alembic", "cryptography", "jwt", "lxml", "pydantic", "requests", "rich", "simple_salesforce",
    "sqlalchemy", "starlette", "tenacity", "uvicorn", "yaml", "zeep",
)  # fmt: skip


OF_OTHER_WORK = (
    "alembic", "charset_normalizer", "procrastinate", "rich", "rotator.core.machines.fleet",
    "rotator.core.posture.choices", "rotator.core.usage.sources", "rotator.history.engine.postgres",
    "rotator.history.locks.advisory",
    "rotator.history.locks.poolers", "rotator.queue", "rotator.salesforce.apps.acceptance",
    "rotator.salesforce.writing", "rotator.tracebacks", "tenacity",
)  # fmt: skip
"""What a command has no use for that reads, with its history in a file that is up to date, and writes to a pipe."""


def loaded_by(*arguments: str) -> set[str]:
    """The modules that are loaded when this command line has been carried out."""
    program = (
        "import json, sys\n"
        "from rotator.cli.main import main\n"
        f"sys.argv = ['rotator', *{list(arguments)!r}]\n"
        "main()\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return set(json.loads(done.stdout.splitlines()[-1]))


@longer
@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["no-such-command"]])
def test_nothing_heavy_is_loaded_before_a_command_needs_it(arguments: list[str]) -> None:
    assert loaded_by(*arguments) & set(HEAVY) == set()


@longer
@pytest.mark.parametrize("last", ["--nonsense", "--help"])
def test_a_usage_mistake_and_help_load_nothing_heavy(last: str) -> None:
    program = (
        "import contextlib, io, json, sys\n"
        "from rotator.cli.error_output import run\n"
        "from rotator.cli.main import cli\n"
        f"for path in {leaves(cli)!r}:\n"
        "    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):\n"
        f"        assert run(cli, 'rotator', [*path, {last!r}]) == {2 if last == '--nonsense' else 0}, path\n"
        "    print(json.dumps([path, sorted({name.partition('.')[0] for name in sys.modules})]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {tuple(path): set(modules) & set(HEAVY) for path, modules in map(json.loads, done.stdout.splitlines())}
    assert {path: modules for path, modules in loaded.items() if modules} == {}
    assert ("rotate", "now") in loaded


@longer
@pytest.mark.parametrize("command", first_standard([["status"], ["status", "--json"], ["inventory"]]))
def test_who_keeps_keys_in_files_and_history_in_sqlite_loads_nothing_for_others(
    config: Path, rotator: Command, command: list[str]
) -> None:
    rotator("db", "upgrade", "--config", config)
    loaded = loaded_by("--config", str(config), *command)
    assert loaded & {*OF_OTHER_STORES, *OF_OTHER_WORK} == set()
    # An inventory makes queries by it.
    assert ("simple_salesforce" in loaded) == (command == ["inventory"])
    assert "rotator.salesforce.session" in loaded


@longer
def test_a_service_loads_nothing_that_only_commands_use(config: Path) -> None:
    loaded = loaded_by("run", "--once", "--config", str(config))
    assert {"requests", "rotator.services.posture.auditing"} <= loaded
    assert loaded & {"charset_normalizer", "rotator.core.crypto.keystores"} == set()


@thorough
def test_a_process_that_only_serves_pages_loads_nothing_that_calls_orgs_or_reads_keys(
    config: Path, rotator: Command
) -> None:
    config.write_text(config.read_text() + "http: {port: 0, process: own}\n")
    rotator("db", "upgrade", "--config", config)
    program = (
        "import json, sys\n"
        "from rotator.cli.main import main\n"
        "from rotator.daemon.pages_process import PagesProcess\n"
        "from rotator.web.templates import compile_first_page\n"
        "def run(process, next_signal):\n"
        "    process.source.overview(), process.source.readiness(), compile_first_page()\n"
        "    print(json.dumps(sorted(sys.modules)))\n"
        "PagesProcess.run = run\n"
        f"sys.argv = ['rotator', 'pages', '--config', {str(config)!r}]\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert loaded & {"cryptography", "jwt", "lxml", "requests", "simple_salesforce", *OF_OTHER_STORES} == set()
    assert "starlette" in loaded


def test_the_version_is_the_packages(rotator: Command) -> None:
    outcome = rotator("--version")
    assert (outcome.code, outcome.out) == (0, f"rotator {package.__version__}\n")


def test_the_help_lists_every_command(rotator: Command) -> None:
    outcome = rotator("--help")
    assert outcome.code == 0
    for name, lazy in COMMANDS.items():
        assert f"  {name} " in outcome.out
        assert lazy.help.endswith(".")


@pytest.mark.parametrize("name", ["inventory", "status", "check", "history", "db"])
def test_a_commands_own_help_is_found(rotator: Command, name: str) -> None:
    outcome = rotator(name, "--help")
    assert outcome.code == 0
    assert f"Usage: rotator {name}" in outcome.out


def test_a_wrong_command_has_a_nearest_right_one(rotator: Command) -> None:
    outcome = rotator("inventroy")
    assert outcome.code == 2
    assert "Did you mean 'inventory'?" in outcome.err


def test_a_wrong_option_is_a_usage_error(rotator: Command) -> None:
    assert rotator("status", "--no-such-option").code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--config", "nowhere.yaml", "--json", "status"),
        ("status", "--config", "nowhere.yaml", "--json"),
        ("--json", "status", "--config", "nowhere.yaml"),
    ],
)
def test_common_options_stand_before_or_after_the_command(rotator: Command, arguments: tuple[str, ...]) -> None:
    outcome = rotator(*arguments)
    assert outcome.code == 2
    assert outcome.err.startswith("Error: The configuration nowhere.yaml cannot be read: No such file or directory.")
    assert outcome.json["error"]["kind"] == "ConfigurationError"
    assert outcome.json["error"]["exit_code"] == 2


def test_every_mistake_of_the_configuration_is_told_without_a_traceback(rotator: Command, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("database: sqlite:///x\norg: {}\nstores: {keys: {type: files}}\n")
    outcome = rotator("inventory", "--config", path)
    assert outcome.code == 2
    for said in (
        f"{path}:2: org: unknown key; did you mean `orgs`?",
        f"{path}:3: stores.keys.path: it is missing",
        "orgs: it is missing",
        "Nothing was touched.",
    ):
        assert said in outcome.err
    assert "Traceback" not in outcome.err


@longer
@pytest.mark.parametrize(
    "arguments", standard_first([["history"], ["db", "upgrade"], ["history", "--json"]], [["history"]])
)
def test_output_that_nobody_reads_ends_quietly(config: Path, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    program = "import sys; from rotator.cli.main import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, "--config", str(config), *arguments],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@longer
def test_verbose_logs_our_own_lines_and_nobody_elses(config: Path) -> None:
    program = (
        "import logging, sys\n"
        "from rotator.cli.main import main\n"
        "code = main()\n"
        "logging.getLogger('rotator.test').debug('a step', extra={'credential': 'billing'})\n"
        "logging.getLogger('urllib3').debug('a body')\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--config", str(config), "history", "--verbose"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines()[-1].endswith('Z DEBUG rotator.test a step credential="billing"')
    assert "a body" not in done.stderr


_INTERRUPTED = """
import atexit, os, signal, sys
import click
from rotator.cli import error_output, main
def interrupt(*_, **options):
    os.kill(os.getpid(), signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)
%s
main.COMMANDS["rotate"] = main.Lazy("__main__", "command", "")
sys.exit(main.rotate_main())
"""


@longer
@pytest.mark.parametrize(
    "interrupts",
    [
        "command = click.Command('command', callback=interrupt)\nerror_output.say = interrupt",
        "command = click.Command('command', callback=lambda: atexit.register(interrupt))",
    ],
    ids=["while the first is told of", "as the process ends"],
)
def test_a_further_interrupt_ends_a_command_at_once_and_shows_no_trace(interrupts: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED % interrupts], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (-signal.SIGINT, "")


def test_an_interrupt_that_is_ignored_stays_so() -> None:
    ignored = "signal.signal(signal.SIGINT, signal.SIG_IGN)\ncommand = click.Command('command', callback=interrupt)"
    done = subprocess.run([sys.executable, "-c", _INTERRUPTED % ignored], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
