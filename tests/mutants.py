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
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from difflib import unified_diff
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
COPY = ROOT / "build" / "mutants" / "tree"
PLAN = ROOT / "build" / "mutants" / "plan.json"
RESULTS = ROOT / "build" / "mutants" / "results"

NOTICED = ("mypy complains", "a test fails", "never ends", "crashes")

MORE_TESTS: dict[str, list[str]] = {
    room: [f"tests/rotation/test_{each}.py" for each in files.split()]
    for room, files in {
        "services.rotation": "client_secrets client_secrets_in_time late_upload own_login presets revocation_undone"
        " what_is_told what_it_asks",
        "services.revocation": "client_secrets_revoked revocation revocation_refused revocation_undone",
    }.items()
}
"""Beside those of the room's own folder below tests/unit: what needs no server, and is quick."""

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

    @property
    def has_other_letters(self) -> bool:
        """Whether no more is changed than how a text is written."""
        lines = self.difference.splitlines()
        before, after = (
            [line[1:].replace("XX", "").casefold() for line in lines if line.startswith(sign)] for sign in "-+"
        )
        return before == after


def main(room: str, patterns: list[str]) -> int:
    """Plant and try them, list what was not noticed with its difference."""
    files, tests = _files_of(room), _tests_of(room)
    results = RESULTS / f"{room}.jsonl"
    _copy_the_tree()
    mutants, complaints = _planted(files)
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(_modules(tests)))).hexdigest()[:12]
    known = _known(results, {each.name: each for each in mutants}, digest)
    for each in mutants:
        if each.name in complaints:
            known[each.name] = line_of(each, "mypy complains", digest)
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text("".join(known.values()))
    asked = [each for each in mutants if not patterns or any(fnmatchcase(each.name, one) for one in patterns)]
    untried = [each for each in asked if each.name not in known]
    # Few tests mind the letters of a text, so that most of these take the time of all of them, and matter least.
    _try(sorted(untried, key=lambda each: each.has_other_letters), tests, results, digest)
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


def line_of(mutant: Mutant, status: str, tests: str) -> str:
    said = {"mutant": mutant.name, "status": status, "digest": mutant.digest, "tests": tests}
    if status not in NOTICED:
        said["difference"] = mutant.difference
    return json.dumps(said, ensure_ascii=False) + "\n"


def _try(mutants: list[Mutant], tests: list[str], results: Path, digest: str) -> None:
    """In a process of the copy, where nothing of the tree is loaded."""
    plan = {"mutants": [asdict(each) for each in mutants], "tests": tests, "results": str(results), "digest": digest}
    PLAN.write_text(json.dumps(plan))
    if mutants:
        subprocess.run([sys.executable, "-m", "tests.mutant_trial", PLAN], cwd=COPY, check=True)


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
    sys.exit(main(sys.argv[1], sys.argv[2:]))
