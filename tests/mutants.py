"""Plants small faults into one room, one at a time, and lists those that the tests of that room do not notice.

    python tests/mutants.py core.windows|services.schedule|daemon|... [PATTERN]...

mutmut (https://mutmut.readthedocs.io) makes the faults, all at once, in a copy of the tree below build/mutants: what is
committed is never touched. A fault that mypy complains of counts as noticed, as nothing lands so. The tests are
collected once, and each is run once as it is, which tells what functions it reaches and how long it takes. Then a
process is forked for each fault: it runs the tests that reach the function, the fastest first, to the first that fails.
To start pytest for each fault instead takes seconds, and a whole package days.

What became of each is a line of build/mutants/results/ROOM.jsonl, from which the next run goes on: it tries again what
nobody noticed if the tests have changed, and all of a function that has. A pattern is for some mutants only, such as
`*Gap*`.
"""

from __future__ import annotations

import ast
import functools
import gc
import hashlib
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import asdict, dataclass
from difflib import unified_diff
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
COPY = ROOT / "build" / "mutants" / "tree"
PLANS = ROOT / "build" / "mutants" / "plans"
RESULTS = ROOT / "build" / "mutants" / "results"

NOTICED = ("mypy complains", "a test fails", "never ends", "crashes")

MORE_TESTS: dict[str, list[str]] = {}
"""Beside those of the room's own folder below tests/unit: what needs no server, and is quick."""

SIDE_BY_SIDE = 2
LEAST_SECONDS = 5
TIMES_AS_LONG = 20
"""So much longer than at first may a test take, beside the least, before it is taken to have no end."""

MEMORY = 4 * 1024**3
"""Bytes; a loop without an end may ask for more and more."""

MYPY = [
    *("-m", "mypy", "--output=json", "--no-warn-unused-ignores", "--cache-dir=../mypy"),
    # What mutmut adds beside a function is no definition that mypy knows: two of its complaints say only that.
    *("--disable-error-code=misc", "--disable-error-code=no-redef"),
]


@dataclass(frozen=True)
class Mutant:
    """One fault."""

    name: str
    function: str
    """As mutmut names it, with its module."""
    digest: str
    """Of the function as it is without the fault."""
    difference: str


def main(room: str, patterns: list[str]) -> int:
    """Plant and try them, list what was not noticed with its difference."""
    files, tests = _files_of(room), _tests_of(room)
    results = RESULTS / f"{room}.jsonl"
    _copy_the_tree()
    mutants, complaints = _planted(files)
    mutants = [each for each in mutants if not patterns or any(fnmatchcase(each.name, one) for one in patterns)]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(_modules(tests)))).hexdigest()[:12]
    known = _known(results, {each.name: each for each in mutants}, digest)
    for each in mutants:
        if each.name in complaints:
            known[each.name] = _line(each, "mypy complains", digest)
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text("".join(known.values()))
    _try([each for each in mutants if each.name not in known], tests, results, digest)
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    for line in lines:
        if line["status"] not in NOTICED:
            sys.stdout.write(f"\n{line['mutant']}: {line['status']}\n{line['difference']}\n")
    counts = Counter(line["status"] for line in lines)
    said = ", ".join(f"{number} {what}" for what, number in counts.most_common())
    sys.stdout.write(f"\n{len(mutants)} mutants: {said}, {len(mutants) - len(lines)} not tried\n")
    return 0


def _files_of(room: str) -> list[str]:
    path = Path("rotator", *room.split("."))
    files = [path.with_suffix(".py")] if (ROOT / path.with_suffix(".py")).exists() else []
    return [str(each) for each in files or sorted(each.relative_to(ROOT) for each in (ROOT / path).rglob("*.py"))]


def _tests_of(room: str) -> list[str]:
    """The folder that mirrors it, or of a single module the one that mirrors where it is."""
    folder = Path("tests", "unit", *room.split("."))
    while not (ROOT / folder).is_dir():
        folder = folder.parent
    return [str(folder), *MORE_TESTS.get(room, [])]


def _modules(tests: list[str]) -> Iterator[Path]:
    for each in tests:
        yield from [ROOT / each] if each.endswith(".py") else (ROOT / each).rglob("*.py")


def _known(results: Path, mutants: dict[str, Mutant], tests: str) -> dict[str, str]:
    """By mutant the lines of earlier runs that are still true."""
    lines = results.read_text().splitlines(keepends=True) if results.exists() else []
    known = {}
    for line in lines:
        said = json.loads(line)
        mutant = mutants.get(said["mutant"])
        if mutant and said["digest"] == mutant.digest and (said["status"] in NOTICED or said["tests"] == tests):
            known[mutant.name] = line
    return known


def _line(mutant: Mutant, status: str, tests: str) -> str:
    said = {"mutant": mutant.name, "status": status, "digest": mutant.digest, "tests": tests}
    if status not in NOTICED:
        said["difference"] = mutant.difference
    return json.dumps(said, ensure_ascii=False) + "\n"


def _try(mutants: list[Mutant], tests: list[str], results: Path, digest: str) -> None:
    """Every second one in a process of its own, which does all one after the other."""
    PLANS.mkdir(parents=True, exist_ok=True)
    parts = []
    for number in range(SIDE_BY_SIDE):
        if mine := [asdict(each) for each in mutants[number::SIDE_BY_SIDE]]:
            plan = PLANS / f"{number}.json"
            plan.write_text(json.dumps({"mutants": mine, "tests": tests, "results": str(results), "digest": digest}))
            parts.append(subprocess.Popen([sys.executable, "-m", "tests.mutants", "--plan", plan], cwd=COPY))
    for part in parts:
        part.wait()


# A part of the faults, in a process of its own.


class Trial:
    """A plug-in of pytest: instead of running the tests it runs them for each mutant."""

    def __init__(self, mutants: list[Mutant], results: Path, digest: str) -> None:
        self._mutants = mutants
        self._results = results
        self._digest = digest
        self._reaching: dict[str, list[pytest.Item]] = defaultdict(list)
        """By function the tests to try, in this order."""
        self._seconds: dict[pytest.Item, float] = {}
        self._failed = False
        self._say = os.fdopen(os.dup(2), "w", buffering=1).write
        """To where nothing is captured."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed |= report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Failed("the tests cannot be collected")
        self._run_all_once(session)
        self._forget_what_was_computed()
        if others := threading.enumerate()[1:]:
            # A forked process would have their locks, and not them.
            pytest.exit(f"after the tests threads go on: {others}", returncode=1)
        for mutant in self._mutants:
            status = self._tried(mutant, session)
            with self._results.open("a") as results:
                results.write(_line(mutant, status, self._digest))
        return True

    def _run_all_once(self, session: pytest.Session) -> None:
        """Learn what each test reaches. Fixtures of the session stay set up: each fork finds them so."""
        from mutmut.mutation import trampoline  # noqa: PLC0415 - it is installed for this alone

        reached: set[str] = set()
        pytest.MonkeyPatch().setattr(trampoline, "record_trampoline_hit", lambda name, **_: reached.add(name))
        trampoline.set_mutant_under_test("stats")
        for item, following in zip(session.items, [*session.items[1:], session], strict=True):
            reached.clear()
            began = time.monotonic()
            if not self._passes(item, following):
                self._say(f"left out, as it fails without a fault: {item.nodeid}\n")
                continue
            self._seconds[item] = time.monotonic() - began
            for function in reached:
                self._reaching[function].append(item)
        trampoline.set_mutant_under_test("")
        for tests in self._reaching.values():
            tests.sort(key=self._seconds.__getitem__)

    def _passes(self, item: pytest.Item, following: object) -> bool:
        """What needs not outlive the session is taken down as far as the test that follows does not need it."""
        self._failed = False
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        return not self._failed

    def _forget_what_was_computed(self) -> None:
        """What is kept from before the fault would hide it."""
        gc.unfreeze()
        for each in gc.get_objects():
            if isinstance(each, functools._lru_cache_wrapper) and each.__module__.startswith("rotator"):
                each.cache_clear()
        gc.freeze()

    def _tried(self, mutant: Mutant, session: pytest.Session) -> str:
        tests = self._reaching.get(mutant.function, [])
        if not tests:
            return "no test reaches it"
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            reading, writing = os.pipe()
            child = os.fork()
            if not child:
                self._be_the_child(mutant.name, tests, session, Path(folder), writing)
            os.close(writing)
            try:
                return self._status(tests, reading)
            finally:
                os.close(reading)
                with suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)

    def _status(self, tests: list[pytest.Item], reading: int) -> str:
        for number, test in enumerate(tests):
            if not select.select([reading], [], [], LEAST_SECONDS + TIMES_AS_LONG * self._seconds[test])[0]:
                return "never ends"
            match os.read(reading, 1):
                case b"":
                    return "crashes"
                case b"-":
                    # It may notice the next one, too.
                    tests.insert(0, tests.pop(number))
                    return "a test fails"
        return "survives"

    def _be_the_child(
        self, mutant: str, tests: list[pytest.Item], session: pytest.Session, folder: Path, writing: int
    ) -> NoReturn:
        """Says of each test whether it passes, up to the first that does not."""
        from mutmut.mutation import trampoline  # noqa: PLC0415

        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            session.config._tmp_path_factory._basetemp = folder  # type: ignore[attr-defined]
            trampoline.set_mutant_under_test(mutant)
            for test, following in zip(tests, [*tests[1:], session], strict=True):
                passes = self._passes(test, following)
                os.write(writing, b"+" if passes else b"-")
                if not passes:
                    break
        finally:
            os._exit(0)


def _part(plan: Path) -> int:
    said = json.loads(plan.read_text())
    trial = Trial([Mutant(**each) for each in said["mutants"]], Path(said["results"]), said["digest"])
    without = [f"-pno:{plugin}" for plugin in ("xdist", "cov", "cacheprovider", "terminal")]
    options = ["-o", "addopts=--import-mode=importlib", "-m", "not thorough", "--hypothesis-seed=0"]
    return pytest.main([*without, *options, *said["tests"]], [trial])


# The copy, and the faults in it.


def _copy_the_tree() -> None:
    """The files that git knows, as they are now; what is unchanged keeps its time, by which mypy knows it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = {name for name in listed.split("\0") if name and (ROOT / name).exists()}
    for file in [*COPY.glob("rotator/**/*.py"), *COPY.glob("tests/**/*.py")]:
        if str(file.relative_to(COPY)) not in names:
            file.unlink()
    for name in names:
        text = (ROOT / name).read_bytes()
        if name == "pyproject.toml":
            text += b'\n[tool.mutmut]\nsource_paths = ["rotator"]\n'
        _put(COPY / name, text)
        shutil.copymode(ROOT / name, COPY / name)


def _put(file: Path, text: bytes) -> None:
    if not file.exists() or file.read_bytes() != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)


def _planted(files: list[str]) -> tuple[list[Mutant], set[str]]:
    """The faults in these files of the copy, and the names of those that mypy complains of."""
    from mutmut.mutation.file_mutation import mutate_file_contents  # noqa: PLC0415

    os.chdir(COPY)
    mutants: list[Mutant] = []
    names: dict[tuple[str, int], str] = {}
    for file in files:
        planted = mutate_file_contents(file, _with_properties_as_methods((ROOT / file).read_text()))
        _put(COPY / file, planted.code.encode())
        lines = planted.code.splitlines()
        module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in planted.mutant_names:
            function = name.partition("__mutmut_")[0]
            before, after = (
                lines[span.start - 1 : span.end]
                for span in map(planted.line_span_by_function_name.__getitem__, (f"{function}__mutmut_orig", name))
            )
            after = [line.replace(name, f"{function}__mutmut_orig") for line in after]
            difference = "\n".join([*unified_diff(before, after, file, file, lineterm="", n=2)][2:])
            digest = planted.hash_by_function_name.get(function, "")
            mutants.append(Mutant(f"{module}.{name}", f"{module}.{function}", digest, difference))
            span = planted.line_span_by_function_name[name]
            names.update(((file, line), f"{module}.{name}") for line in range(span.start, span.end + 1))
    command = [sys.executable, *MYPY, *files]
    said = subprocess.run(command, check=False, capture_output=True, text=True).stdout.splitlines()
    complaints = [each for each in map(json.loads, filter(None, said)) if each["severity"] == "error"]
    return mutants, {names[at] for each in complaints if (at := (each["file"], each["line"])) in names}


def _with_properties_as_methods(source: str) -> str:
    """Each property calls a method that does what it did: mutmut leaves alone what has a decorator."""
    lines = source.splitlines(keepends=True)
    classes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef))
    properties = [
        member
        for each in classes
        if "Protocol" not in map(ast.unparse, each.bases)
        for member in each.body
        if isinstance(member, ast.FunctionDef)
        and [*map(ast.unparse, member.decorator_list)] in (["property"], ["cached_property"])
    ]
    for each in sorted(properties, key=lambda each: each.lineno, reverse=True):
        head = "".join(lines[each.lineno - 1 : each.body[0].lineno - 1])
        indent = " " * (each.col_offset + 4)
        method = head.replace(f"def {each.name}(", f"def _value_of_{each.name}(")
        lines[each.lineno - 1 : each.body[0].lineno - 1] = [
            f"{head}{indent}return self._value_of_{each.name}()\n\n{method}"
        ]
    return "".join(lines)


if __name__ == "__main__":
    os.nice(15 - os.nice(0))
    sys.exit(_part(Path(sys.argv[2])) if sys.argv[1] == "--plan" else main(sys.argv[1], sys.argv[2:]))
