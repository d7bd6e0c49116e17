"""A model of a disk that forgets, when power is lost, whatever was not synchronised."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(eq=False)
class Node:
    """A file, a link or a directory: what it holds, and what of it is on the disk for certain."""

    live: dict[str, Node] | bytes | str
    durable: dict[str, Node] | bytes | str

    @classmethod
    def made(cls, content: dict[str, Node] | bytes | str) -> Node:
        """One that has just been made; of a file or directory nothing inside is on the disk."""
        return cls(content, content if isinstance(content, str) else type(content)())

    def sync(self) -> None:
        """Brings what it holds to the disk."""
        self.durable = dict(self.live) if isinstance(self.live, dict) else self.live

    @property
    def certain(self) -> bool:
        """Whether losing power changes nothing in it."""
        return self.live == self.durable


Tree = dict[str, "Tree | bytes | Path"]
"""What is found after power comes back; links as paths."""


@dataclass
class ModelledDisk:
    """Follows the effects of the store below `top`, and says what may be found after power was lost."""

    top: Path
    nodes: dict[int, Node] = field(default_factory=dict)
    _root: Node = field(init=False)
    _renamed: Node | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._root = self._scan(self.top)

    def prepare(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        """Before an effect: what it will move or take away is still there to be looked at."""
        if name == "rename":
            held = self._parent(arguments[0], keywords["src_dir_fd"]).live
            assert isinstance(held, dict)
            self._renamed = held[arguments[0]]

    def note(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        """After an effect."""
        if name == "fsync":
            self._of(arguments[0]).sync()
        elif name == "write":
            node = self._of(arguments[0])
            assert isinstance(node.live, bytes)
            node.live += arguments[1]
        elif name == "rename":
            self._entries(arguments[0], keywords["src_dir_fd"]).pop(arguments[0])
            assert self._renamed
            self._entries(arguments[1], keywords["dst_dir_fd"])[arguments[1]] = self._renamed
        elif name in {"unlink", "rmdir"}:
            self._entries(arguments[0], keywords["dir_fd"]).pop(arguments[0])
        elif name in {"mkdir", "open", "symlink"}:
            self._made(name, arguments, keywords)

    def doubtful(self) -> list[Node]:
        """The files and directories in which something may be forgotten."""
        return [node for node in self._within(self._root) if not node.certain]

    def after_losing_power(self, place: Path, restored: Path) -> Iterator[Path]:
        """Where `place` is found, in every combination of files and directories that kept all or what is certain."""
        doubtful = self.doubtful()
        for kept in product((False, True), repeat=len(doubtful)):
            lucky = {id(node) for node, luck in zip(doubtful, kept, strict=True) if luck}
            _restore(self._found(self._root, lucky), restored)
            yield restored / place.relative_to(self.top)
            shutil.rmtree(restored)

    def _within(self, node: Node) -> Iterator[Node]:
        yield node
        holders = [content for content in (node.live, node.durable) if isinstance(content, dict)]
        for inner in {id(inner): inner for content in holders for inner in content.values()}.values():
            yield from self._within(inner)

    def _found(self, node: Node, lucky: set[int]) -> Tree:
        content = node.live if id(node) in lucky else node.durable
        assert isinstance(content, dict)
        tree: Tree = {}
        for name, inner in content.items():
            if isinstance(inner.live, dict):
                tree[name] = self._found(inner, lucky)
            elif isinstance(inner.live, str):
                tree[name] = Path(inner.live)
            else:
                data = inner.live if id(inner) in lucky else inner.durable
                assert isinstance(data, bytes)
                tree[name] = data
        return tree

    def _made(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        content: dict[str, Node] | bytes | str = {} if name == "mkdir" else b""
        path, parent = arguments[0], keywords.get("dir_fd")
        if name == "symlink":
            content, path = arguments[0], arguments[1]
        entries = self._entries(path, parent)
        base = os.path.basename(path)  # noqa: PTH119 -- the argument of a system call
        inode = os.stat(path, dir_fd=parent, follow_symlinks=False).st_ino
        if base not in entries:
            entries[base] = self.nodes[inode] = Node.made(content)

    def _scan(self, path: Path) -> Node:
        content: dict[str, Node] | bytes | str
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_dir():
            content = {inner.name: self._scan(inner) for inner in path.iterdir()}
        else:
            content = path.read_bytes()
        node = self.nodes[path.lstat().st_ino] = Node(content, dict(content) if isinstance(content, dict) else content)
        return node

    def _of(self, descriptor: int) -> Node:
        return self.nodes[os.fstat(descriptor).st_ino]

    def _parent(self, path: str | Path, descriptor: int | None) -> Node:
        return self._of(descriptor) if descriptor is not None else self.nodes[Path(path).parent.stat().st_ino]

    def _entries(self, path: str | Path, descriptor: int | None) -> dict[str, Node]:
        entries = self._parent(path, descriptor).live
        assert isinstance(entries, dict)
        return entries


def _restore(tree: Tree, where: Path) -> None:
    where.mkdir(mode=0o700)
    for name, content in tree.items():
        if isinstance(content, dict):
            _restore(content, where / name)
        elif isinstance(content, Path):
            (where / name).symlink_to(content)
        else:
            (where / name).write_bytes(content)
            (where / name).chmod(0o600)
