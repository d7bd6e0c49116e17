"""package.xml, and the zip archives that carry components as files."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from lxml import etree

from rotator.simulator.org.components import to_xml
from rotator.simulator.wire.soap import METADATA, child_texts, children

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rotator.simulator.metadata.types.metadata_type import MetadataType
    from rotator.simulator.org.components import Component

MANIFEST: Final = "package.xml"
META: Final = "-meta.xml"
"""How the name of a description ends that stands beside a file."""
ALL: Final = "*"
"""The member that stands for every component of its type."""
MOST_FILES: Final = 10_000
"""Files that an archive may hold (Metadata API Developer Guide, limits)."""
LARGEST_UNPACKED: Final = 400_000_000
"""Bytes that an archive may hold when it is unpacked."""


class ArchiveError(Exception):
    """An archive or a manifest that cannot be read; the text is for the result of the deployment or retrieve."""


@dataclass(frozen=True)
class Manifest:
    """What a package.xml names: members by type, and the API version in which its files are written."""

    members: Mapping[str, Sequence[str]]
    version: str

    @classmethod
    def of(cls, package: etree._Element) -> Self:
        """Reads the element Package, or one of that type."""
        members: dict[str, list[str]] = {}
        for types in children(package, "types"):
            for name in child_texts(types, "name"):
                members.setdefault(name, []).extend(child_texts(types, "members"))
        return cls(members, next(iter(child_texts(package, "version")), ""))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Reads a file. Raises ArchiveError when it is no package.xml."""
        return cls.of(parse_file(data, MANIFEST))

    @property
    def api_version(self) -> int:
        """The version as a number. Raises ArchiveError when it is none."""
        number = self.version.removesuffix(".0")
        if not number.isdecimal():
            raise ArchiveError(f"Invalid version specified:{self.version}")
        return int(number)


def parse_file(data: bytes, name: str) -> etree._Element:
    """The root element of a file. Raises ArchiveError when it is no XML."""
    try:
        return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError as error:
        raise ArchiveError(f"Error parsing file {name}: {error.msg}") from None


def component_file(kind: MetadataType, component: Component, version: int) -> bytes:
    """A component as a file: the elements of a read, without the name, which is the file's."""
    schema = kind.schema_of(str(component["fullName"]))
    root = etree.fromstring(f'<{schema.name} xmlns="{METADATA}"/>')
    to_xml({name: value for name, value in component.items() if name != "fullName"}, root, version, schema)
    return document(root)


def manifest_file(members: Mapping[str, Iterable[str]], version: str) -> bytes:
    """A package.xml."""
    root = etree.fromstring(f'<Package xmlns="{METADATA}"/>')
    for type_name, names in members.items():
        types = etree.SubElement(root, f"{{{METADATA}}}types")
        for name in names:
            etree.SubElement(types, f"{{{METADATA}}}members").text = name
        etree.SubElement(types, f"{{{METADATA}}}name").text = type_name
    etree.SubElement(root, f"{{{METADATA}}}version").text = version
    return document(root)


def document(root: etree._Element) -> bytes:
    """The XML document of a root element, indented as the Metadata API indents it."""
    etree.indent(root, space="    ")
    text = etree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def pack(files: Mapping[str, bytes]) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def unpack(data: bytes, *, single_package: bool) -> dict[str, bytes]:
    """The files of an archive, by their path below its package. Raises ArchiveError for one that cannot be used."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MOST_FILES:
                raise ArchiveError(f"Too many files in the archive: it may hold {MOST_FILES}.")
            if sum(entry.file_size for entry in entries) > LARGEST_UNPACKED:
                raise ArchiveError("Maximum size of request reached.")
            files = {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError):
        raise ArchiveError("The zip file cannot be read.") from None
    if single_package:
        return files
    folders = {name.partition("/")[0] for name in files if "/" in name}
    if len(folders) > 1:
        raise ArchiveError("Several packages in one archive are not simulated.")
    return {name.partition("/")[2]: data for name, data in files.items() if "/" in name}
