"""YAML text as plain data in which every place has a line, and what is wrong with its form."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from rotator.config.validation_errors import Mistake, Place

COMMENT: Final = "a `#` after a blank begins a comment, so that the value is missing; put it in quotes"

_COMMENT_FOR_A_VALUE: Final = re.compile(r":\s+#\w")
_TAG: Final = "tag:yaml.org,2002:"
_TEXT: Final = frozenset({f"{_TAG}{kind}" for kind in ("str", "timestamp", "value", "merge")})
_READERS: Final = {
    f"{_TAG}int": yaml.SafeLoader.construct_yaml_int,
    f"{_TAG}float": yaml.SafeLoader.construct_yaml_float,
    f"{_TAG}bool": yaml.SafeLoader.construct_yaml_bool,
    f"{_TAG}null": yaml.SafeLoader.construct_yaml_null,
}


@dataclass
class Document:
    """What a YAML text says, where it says it, and the mistakes in its form."""

    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    """Line, counted from 1, of every key and list item."""
    mistakes: list[Mistake] = field(default_factory=list)
    comments: set[int] = field(default_factory=set)
    """Lines on which a comment stands where a value may have been meant: `channel: #alerts`."""

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest one around it that is written down."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_document(text: str) -> Document:
    """Reads YAML 1.1 without aliases, tags and duplicate keys. It raises nothing: mistakes are in the result."""
    document = _read(text, _FastLoader)
    # PyYAML's own reader says better than libyaml what is wrong.
    return _read(text, _Loader) if document.mistakes else document


def _read(text: str, kind: type[_Loader | _FastLoader]) -> Document:
    document = Document(comments=_comments(text))
    loader: _Loader | _FastLoader | None = None
    try:
        loader = kind(text)
        node = loader.get_single_node()
        if node is not None:
            document.data = _Reader(loader, document).read(node, ())
    except yaml.YAMLError as error:
        document.mistakes = [_mistake_of_form(error, text)]
    except RecursionError:
        document.mistakes = [Mistake(1, (), "it is nested too deeply")]
    finally:
        if loader is not None:
            loader.dispose()
    return document


class _WithoutAliases(yaml.composer.Composer):
    """The defaults under `rotation:` do their work, and an alias can stand for itself."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        events: Any = self
        if events.check_event(yaml.AliasEvent):
            mark = events.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not supported", mark)
        return super().compose_node(parent, index)


class _Loader(_WithoutAliases, yaml.SafeLoader):
    pass


if yaml.__with_libyaml__:

    class _FastLoader(_WithoutAliases, yaml.CSafeLoader):
        """Has libyaml read the text, which takes a thirteenth of the time."""

        def __init__(self, text: str) -> None:
            yaml.CSafeLoader.__init__(self, text)
            yaml.composer.Composer.__init__(self)
else:  # PyYAML that was built where libyaml is not
    _FastLoader = _Loader  # type: ignore[misc, assignment] # it reads the same


class _Reader:
    """Turns nodes into data."""

    def __init__(self, loader: _Loader | _FastLoader, document: Document) -> None:
        self._loader = loader
        self._document = document

    def read(self, node: yaml.Node, place: Place) -> Any:
        self._document.lines.setdefault(place, _line(node))
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.read(item, (*place, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        return self._reject(node, place, f"the tag {node.tag} is not supported")

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._reject(key_node, place, "a key must be a word")
                continue
            key = key_node.value
            inner = (*place, key)
            if key in result:
                self._reject(key_node, inner, f"it is here twice, first on line {self._document.lines[inner]}")
                continue
            self._document.lines[inner] = _line(key_node)
            if not key.isprintable():
                self._reject(key_node, inner, "a key must be a word")
            result[key] = self.read(value_node, inner)
        return result

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Any:
        if node.tag in _TEXT:
            if not all(character.isprintable() or character in "\n\t" for character in node.value):
                return self._reject(node, place, "it holds a character that cannot be printed")
            return node.value
        if node.tag not in _READERS:
            return self._reject(node, place, f"the tag {node.tag} is not supported")
        try:
            return _READERS[node.tag](self._loader, node)
        except (ValueError, KeyError, IndexError, OverflowError):
            return self._reject(node, place, f"it is no {node.tag.removeprefix(_TAG)}")

    def _reject(self, node: yaml.Node, place: Place, sentence: str) -> None:
        self._document.mistakes.append(Mistake(_line(node), place, sentence))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _comments(text: str) -> set[int]:
    return {number for number, line in enumerate(text.splitlines(), 1) if _COMMENT_FOR_A_VALUE.search(line)}


def _cuts_braces(line: str) -> bool:
    """Whether the brace that would end what began on the line is in a comment in the place of a value."""
    found = _COMMENT_FOR_A_VALUE.search(line)
    before = line[: found.start()] if found else ""
    return sum(map(before.count, "{[")) > sum(map(before.count, "}]"))


def _mistake_of_form(error: yaml.YAMLError, text: str) -> Mistake:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        before = text.splitlines()[: mark.line + 1] if mark else []
        cut_off = [number for number, line in enumerate(before, 1) if _cuts_braces(line)]
        if cut_off:
            return Mistake(cut_off[-1], (), COMMENT)
        problem = error.problem or error.context or "this is no YAML"
        if "\\t" in problem:
            problem = "a tab; indent with spaces"
        return Mistake(mark.line + 1 if mark else 1, (), problem)
    if isinstance(error, yaml.reader.ReaderError):
        return Mistake(1, (), f"there is a character that YAML does not allow (at position {error.position})")
    return Mistake(1, (), "this is no YAML")
