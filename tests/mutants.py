"""Plants small faults into one package, one at a time, and lists those that the tests of that package do not notice.

    python tests/mutants.py core|services|daemon [PATTERN]...

mutmut (https://mutmut.readthedocs.io) plants and tries them, in a copy of the tree below build/mutants: what is
committed is never touched. A fault that mypy complains of counts as noticed, as nothing lands so. The next run tries
again what nobody noticed, and what was noticed only where the function has changed. A pattern is for some mutants only,
such as `rotator.core.windows*`.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

SETTINGS = """
[tool.mutmut]
source_paths = ["rotator"]
only_mutate = ["rotator/{package}/*"]
also_copy = ["config.yaml.example", "docs", "migrations", "README.md"]
pytest_add_cli_args = ["-p", "no:xdist", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
pytest_add_cli_args_test_selection = ["tests/unit/{package}"]
# A property test may not run in the process that ran it before.
process_isolation = "forkserver"
# What mutmut adds beside a function is no definition that mypy knows: two of its complaints say only that.
type_check_command = [
    "{python}", "-m", "mypy", "rotator/{package}", "--output=json", "--no-warn-unused-ignores",
    "--disable-error-code=misc", "--disable-error-code=no-redef",
]
"""


SURVIVED = ("survived", "no tests", "suspicious")
CHANGED = re.compile("[-+](?!--|\\+\\+)")


def main(package: str, patterns: list[str]) -> int:
    """Copy the tree, have it mutated and tried, list what survived with its difference. Returns mutmut's exit code."""
    copy = ROOT / "build" / "mutants" / package
    mutmut = Path(sys.executable).parent / "mutmut"
    before = [name for name, result in _results(mutmut, copy) if result in SURVIVED] if copy.exists() else []
    _copy_to(copy, package)
    for names in [patterns] if patterns else [before, []] if before else [[]]:
        code = subprocess.run([mutmut, "run", "--max-children=1", *names], cwd=copy, check=False).returncode
    results = _results(mutmut, copy)
    for name, result in results:
        if result in SURVIVED:
            difference = filter(CHANGED.match, _said([mutmut, "show", name], copy).splitlines())
            sys.stdout.write("\n".join([f"\n{name}: {result}", *difference, ""]))
    counts = Counter(result for _, result in results)
    sys.stdout.write(
        f"\n{counts.total()} mutants: {', '.join(f'{number} {what}' for what, number in counts.items())}\n"
    )
    return code


def _results(mutmut: Path, copy: Path) -> list[tuple[str, str]]:
    """Each mutant's name, and what became of it."""
    pairs = (line.strip().partition(": ") for line in _said([mutmut, "results", "--all=true"], copy).splitlines())
    return [(name, result) for name, _, result in pairs if result]


def _said(command: list[str | Path], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def _copy_to(copy: Path, package: str) -> None:
    """The files that git knows, as they are now; what is unchanged keeps its time, from which mutmut knows it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = [name for name in listed.split("\0") if name and (ROOT / name).exists()]
    for place in (copy, copy / "mutants"):
        for file in [*place.glob("rotator/**/*.py"), *place.glob("tests/**/*.py")]:
            if str(file.relative_to(place)) not in names:
                file.unlink()
    for name in names:
        source, target = ROOT / name, copy / name
        text = source.read_bytes()
        if name.startswith(f"rotator/{package}/") and name.endswith(".py"):
            text = _with_properties_as_methods(text.decode()).encode()
        elif name == "pyproject.toml":
            text += SETTINGS.format(package=package, python=sys.executable).encode()
        if not target.exists() or target.read_bytes() != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
            shutil.copymode(source, target)


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
    os.nice(19)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
