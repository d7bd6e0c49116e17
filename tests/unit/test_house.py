"""What the repository says of itself is so: README, documents, lock files, version."""

from __future__ import annotations

import ast
import pkgutil
import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import rotator
from rotator.cli.exit_codes import ExitCode
from rotator.cli.main import cli
from rotator.config.loading import load
from rotator.core.lifecycle.states import CertificateState, CredentialState
from rotator.services.alerting.kinds import KINDS
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())

_LINE_OF_A_COMMAND = re.compile(r"^\| `(?P<command>rotat(?:or|e) [^`]+)` \| (?P<what>.*) \|$", re.MULTILINE)
_LINE_OF_A_CODE = re.compile(r"^\| (?P<code>\d+) \|", re.MULTILINE)
_LOCKED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>\S+)")
_PRIVATE_KEY = re.compile(rb"PRIVATE KEY-----(?:\\r|\\n|\s)*[A-Za-z0-9+/]{40}")
_SESSION = re.compile(rb"\b00D[A-Za-z0-9]{12}![A-Za-z0-9._]{40}")


def documented_commands() -> list[tuple[str, str]]:
    """Each command line of the README's table, with the options that are named beside it."""
    return [(line["command"], line["what"]) for line in _LINE_OF_A_COMMAND.finditer(README)]


def words_of(command: str) -> list[str]:
    """The command line below `rotator`, without what stands for a name or is an option."""
    words = command.split()
    below = words[1:] if words[0] == "rotator" else ["rotate", *words[1:]]
    return [word for word in below if re.fullmatch("[a-z]+", word)]


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command that does something by itself."""
    found: list[tuple[str, ...]] = []
    if not isinstance(command, click.Group) or command.invoke_without_command:
        found.append(path)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            found += leaves(inner, (*path, name))
    return found


@pytest.mark.parametrize(("command", "what"), documented_commands())
def test_the_readme_names_commands_and_options_that_there_are(command: str, what: str) -> None:
    shown = CliRunner().invoke(cli, [*words_of(command), "--help"])
    assert shown.exit_code == 0, shown.output
    for option in re.findall(r"--[a-z-]+", f"{command} {what}"):
        assert option in shown.output


def test_the_readme_names_every_command() -> None:
    assert sorted(tuple(words_of(command)) for command, _ in documented_commands()) == sorted(leaves(cli))


def test_the_readme_names_every_exit_code() -> None:
    operations = (ROOT / "docs" / "operations.md").read_text()
    for page in (README, operations[operations.index("## Exit codes") : operations.index("## Ctrl-C")]):
        assert {int(line["code"]) for line in _LINE_OF_A_CODE.finditer(page)} == set(ExitCode)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_files_and_modules_that_there_are(page: Path) -> None:
    text = page.read_text()
    files = re.findall(r"(?<![\w/])(?:docs|tests|rotator|migrations)/[\w/-]+\.(?:md|py)\b", text)
    modules = [name for name in re.findall(r"`(rotator(?:\.[a-z_]+)+)`", text) if not name.endswith(".db")]
    assert [name for name in files if not (ROOT / name).is_file()] == []
    groups = PROJECT["project"]["entry-points"]
    assert [name for name in modules if name not in groups and not _exists(name)] == []


def _exists(name: str) -> bool:
    """Whether it is a module, or something in one."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_whole_configurations_in_pages_can_be_read(page: Path, tmp_path: Path) -> None:
    for number, block in enumerate(
        re.findall(r"^```yaml\n(database:.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    ):
        config = tmp_path / f"{number}.yaml"
        config.write_text(block)
        assert load(config).credentials


def test_the_table_of_states_has_the_words_that_there_are() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    _, certificates, credentials = re.split(
        r"^\| (?:certificate|credential) \| .*$", _section(page, "States"), flags=re.M
    )
    told = [re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE) for table in (certificates, credentials)]
    assert list(map(sorted, told)) == [sorted(CertificateState), sorted(CredentialState)]


def _section(page: str, heading: str) -> str:
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def locked(name: str) -> dict[str, str]:
    """Names and versions in a lock file, each proven to have hashes."""
    entries = re.split(r"\n(?=\S)", (ROOT / name).read_text().strip())
    found: dict[str, str] = {}
    for entry in entries:
        line = _LOCKED.match(entry)
        assert line, entry
        assert "--hash=sha256:" in entry, line[0]
        found[canonicalize_name(line["name"])] = line["version"]
    return found


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [
        ("requirements.lock", PROJECT["project"]["dependencies"]),
        ("requirements-dev.lock", PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]),
    ],
)
def test_every_dependency_is_locked_by_hash_at_a_version_that_is_asked_for(lock: str, requirements: list[str]) -> None:
    versions = locked(lock)
    for requirement in map(Requirement, requirements):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_tests_run_with_the_versions_that_people_get() -> None:
    assert locked("requirements.lock").items() <= locked("requirements-dev.lock").items()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_lock_files_leave_it_to_the_machine_where_packages_come_from(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "index-url" not in text


@pytest.mark.parametrize(
    "file",
    [*PAGES, ROOT / ".github/workflows/ci.yml", ROOT / ".pre-commit-config.yaml", ROOT / ".ci/run"],
    ids=lambda file: file.name,
)
def test_what_is_to_be_typed_or_run_are_targets_of_the_makefile(file: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {target for line in re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE) for target in line.split()}
    commands = re.findall(
        r"(?:`|run: |entry: |^    |^)make((?: --no-print-directory)?(?: [a-z][a-z-]*)+)", file.read_text(), re.MULTILINE
    )
    named = {word for command in commands for word in command.split() if not word.startswith("-")}
    assert named <= targets
    assert named or file in PAGES


def test_every_folder_of_tests_is_run_unless_it_has_a_target_of_its_own() -> None:
    found = {f"tests/{file.relative_to(ROOT / 'tests').parts[0]}" for file in (ROOT / "tests").rglob("test_*.py")}
    assert sorted(PROJECT["tool"]["pytest"]["ini_options"]["testpaths"]) == sorted(found - {"tests/clients"})


def test_the_changelog_has_a_place_for_what_comes_and_names_this_version() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[:2] == ["Unreleased", rotator.__version__]


def test_the_package_has_the_version_that_it_says() -> None:
    assert PROJECT["project"]["version"] == rotator.__version__


@longer
def test_no_key_and_no_session_is_kept_in_the_repository() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files = [ROOT / name for name in tracked.decode().split("\0") if name and (ROOT / name).is_file()]
    assert files
    found = [
        file.name for file in files if _PRIVATE_KEY.search(file.read_bytes()) or _SESSION.search(file.read_bytes())
    ]
    assert found == []


MODULES = [
    path.relative_to(ROOT) for path in sorted((ROOT / "rotator").rglob("*.py")) if not path.stem.startswith("__")
]

SHARED_NAMES = {
    "plugin": "each store and each channel has one, and it is the same thing in each",
    "store": "the store itself, in the room of each system",
    "channel": "the channel itself, likewise",
    "settings": "what stands in config.yaml: of everything, of each store and of each channel",
    "policy": "what Vault's and AWS's own access control must allow",
    "plugins": "the two sides of a plug-in: how config.yaml reads its settings, and what it is",
    "base": "the contract of what has many adapters: stores, channels",
}
"""Names that more than one module has, and why they may; else a name says which module is meant."""


def _is_exempt(module: Path) -> bool:
    """A command is called by its name, a section of config.yaml by its own, what makes things for tests by the things.

    The simulator is another program's side.
    """
    return module.parts[1:3] == ("cli", "commands") or module.parts[1] in {"config", "simulator", "testing"}


def test_a_module_has_a_name_of_its_own() -> None:
    names = Counter(module.stem for module in MODULES if not _is_exempt(module))
    assert {name for name, count in names.items() if count > 1} <= set(SHARED_NAMES)
    simulator = Counter(module.stem for module in MODULES if module.parts[1] == "simulator")
    assert [name for name, count in simulator.items() if count > 1] == []


def test_no_reason_is_given_for_names_that_one_module_has() -> None:
    names = Counter(module.stem for module in MODULES)
    assert [name for name in SHARED_NAMES if names[name] < 2] == []


def test_tests_of_a_module_stand_in_its_room() -> None:
    """So far as they are called after it; what is about several modules has a name of its own."""
    rooms: dict[str, set[Path]] = {}
    for module in MODULES:
        rooms.setdefault(f"test_{module.stem}", set()).add(module.relative_to("rotator").parent)
    unit = ROOT / "tests" / "unit"
    found = [path.relative_to(unit) for path in sorted(unit.rglob("test_*.py"))]
    astray = {
        str(each): sorted(map(str, rooms[each.stem]))
        for each in found
        if each.parent not in rooms.get(each.stem, {each.parent})
        and any(room.parts[:1] == each.parts[:1] for room in rooms[each.stem])
    }
    assert astray == {}


def test_a_room_is_seen_at_a_glance() -> None:
    rooms = Counter(module.parent for module in MODULES)
    assert {str(room): count for room, count in rooms.items() if count > 15} == {}


def test_a_file_is_read_in_one_go() -> None:
    files = [path for folder in ("rotator", "tests", "migrations") for path in (ROOT / folder).rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


DATES = {"not_after", "not_before", "expires_at", "due_at", "begins_at", "promoted_at", "previous_until", "retires_at"}
SEEN = {"last_seen", "gone_at"}
"""Those of rows are compared in SQL as well, as rows are written and forgotten."""
LIFETIMES = {"rotate_before", "grace", "thresholds"}
ELSEWHERE = ("core", "simulator", "config", "consumer", "testing")
"""The rules; the other side; durations of config.yaml, that are compared with each other; what knows no schedule."""

ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def modules() -> list[Path]:
    """Those that are to ask."""
    return [
        file
        for file in sorted((ROOT / "rotator").rglob("*.py"))
        if file.relative_to(ROOT / "rotator").parts[0] not in ELSEWHERE
    ]


def names_in(node: ast.AST) -> set[str]:
    """Every name and attribute that an expression mentions."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} | {
        each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)
    }


def decisions(source: str) -> Iterator[str]:
    """What compares a date of a certificate or a rotation, or computes one from a lifetime."""
    for node in ast.walk(ast.parse(source)):
        is_order = isinstance(node, ast.Compare) and any(isinstance(each, ORDER) for each in node.ops)
        is_sum = isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))
        names = names_in(node) if is_order or is_sum else set()
        is_of_one_seen = bool(names & SEEN) and "c" not in names
        if (is_order and (is_of_one_seen or names & (DATES | LIFETIMES))) or (is_sum and names & LIFETIMES):
            yield ast.unparse(node)


def decisions_of_a_page(text: str) -> Iterator[str]:
    """The same, in a template's expressions."""
    for expression in re.findall(r"{[{%](.*?)[%}]}", text, re.DOTALL):
        if re.search(r"[^-]>|<", expression) and set(re.findall(r"\w+", expression)) & (DATES | LIFETIMES):
            yield expression.strip()


@longer
def test_what_is_due_expired_or_kept_is_decided_in_the_core_alone() -> None:
    """Told by names: such a date is called so everywhere, and so is what it is compared with."""
    found = {str(file): [*decisions(file.read_text())] for file in modules()}
    found |= {str(file): [*decisions_of_a_page(file.read_text())] for file in (ROOT / "rotator").rglob("*.html")}
    assert {file: these for file, these in found.items() if these} == {}


@pytest.mark.parametrize(
    "source",
    [
        "if seen.not_after <= now: pass",
        "is_due = certificate.not_after - now <= settings.rotate_before",
        "kept = promoted + settings.grace",
        "return now - promoted_at < WEEK",
        "is_old = seen.last_seen < look",
        "next(each for each in lives if each.not_after > self.now)",
    ],
)
def test_such_a_decision_would_be_noticed(source: str) -> None:
    assert [*decisions(source)]


def test_such_a_decision_would_be_noticed_on_a_page() -> None:
    assert [*decisions_of_a_page("{% if each.begins_at <= now %}now{% endif %}")]
    assert not [*decisions_of_a_page('{{ time(each.due_at, "due") }}')]


def test_each_exception_of_the_rules_of_security_has_its_reason_on_the_line() -> None:
    assert "S" in PROJECT["tool"]["ruff"]["lint"]["select"]
    silenced = re.compile(r"noqa:(?P<rules>[ A-Z0-9,]*\bS\d{3}\b[ A-Z0-9,]*)(?P<reason>.*)$", re.MULTILINE)
    modules = [path for folder in ("rotator", "tests", "migrations") for path in (ROOT / folder).rglob("*.py")]
    found = [(path.name, each) for path in modules for each in silenced.finditer(path.read_text())]
    assert found
    assert [(name, each[0]) for name, each in found if not re.match(r"--? \w", each["reason"].strip())] == []


_CATCHES_ANY: Final = re.compile(r"^\s*except(?: BaseException| Exception)?(?: as \w+)?:(?P<rest>.*)$", re.MULTILINE)


def test_whoever_catches_any_error_says_why() -> None:
    found = [
        (path.relative_to(ROOT).as_posix(), each)
        for path in (ROOT / "rotator").rglob("*.py")
        for each in _CATCHES_ANY.finditer(path.read_text())
    ]
    assert found
    bare = [(name, each[0].strip()) for name, each in found if not each["rest"].startswith("  # ")]
    assert bare == [], "the reason belongs on the same line"


@longer
@pytest.mark.parametrize(
    ("way_out", "doors"),
    [
        (r"\bclick\.s?echo\(|\bprint\(.*file=", {"cli/output/console.py", "cli/error_output.py"}),
        (r"\(Console\)|\bConsole\(", {"cli/output/streams/terminal.py"}),
        (r"\bjinja2\.Environment\(|\bEnvironment\(", {"web/templates.py", "alerts/mail/text.py"}),
        (r"\bJSONResponse\(", set()),
    ],
    ids=["sentences", "tables", "pages and mail", "answers of pages"],
)
def test_what_is_shown_passes_one_door(way_out: str, doors: set[str]) -> None:
    package = ROOT / "rotator"
    shown = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if "simulator" not in path.parts}
    assert {name for name in shown if re.search(way_out, (package / name).read_text())} == doors


def test_the_page_of_alerts_has_a_row_for_every_kind() -> None:
    table = (ROOT / "docs" / "alerts.md").read_text().partition("| kinds | what is so |")[2].partition("\n\n")[0]
    named = [kind for row in table.splitlines()[2:] for kind in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert sorted(named) == sorted(KINDS)


def test_the_backup_that_is_recommended_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "operations.md").read_text().partition("for the files store and SQLite:\n\n")[2]
    lines = [line.strip() for line in text.partition("\n\n")[0].splitlines()]
    (tmp_path / "state" / "keys").mkdir(parents=True)
    (tmp_path / "state" / "keys" / "private_key.pem").touch(mode=0o600)
    script = "umask 022\n" + "\n".join(line for line in lines if line.split()[0] in {"umask", "tar"})
    subprocess.run(["sh", "-ec", script.replace("/var/lib/rotator", str(tmp_path / "state"))], check=True, cwd=tmp_path)

    assert (tmp_path / "keys.tar").stat().st_mode & 0o777 == 0o600
