"""A plug-in's package as its document has it, installed beside rotator."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

DOCUMENTS: Final = Path(__file__).parents[2] / "docs"


def install(folder: Path, document: str, package: str, files: Sequence[str], entry_points: str) -> Path:
    """A folder for sys.path with the document's blocks of Python as these files, and metadata as pip would put them."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCUMENTS / document).read_text(), re.DOTALL)
    for name, block in zip(files, blocks, strict=True):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(block)
    information = folder / f"{package}-1.0.dist-info"
    information.mkdir()
    (information / "entry_points.txt").write_text(entry_points)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: 1.0\n")
    return folder


def beside(installed: Path) -> dict[str, str]:
    """The environment of a process that finds the package."""
    return {**os.environ, "PYTHONPATH": str(installed)}
