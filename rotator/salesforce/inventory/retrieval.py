"""Many components at once: one retrieve in the place of a readMetadata for each ten (Metadata API Developer Guide).

What comes back is an archive with a file for each component, which holds what a read gives but for its name.
"""

from __future__ import annotations

import binascii
import io
import lzma
import struct
import zipfile
import zlib
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from rotator.core.retry import BackOff
from rotator.errors import NOTHING_CHANGED, OrgError, OrgUnavailable
from rotator.net.limits import MEGABYTE
from rotator.net.shapes import WrongShape
from rotator.plain_text import one_line
from rotator.portions import portions
from rotator.salesforce.component import Component
from rotator.salesforce.faults import CLOSED, from_status
from rotator.salesforce.metadata import COMPONENT_SIZE
from rotator.salesforce.soap import API_VERSION, add_texts, document, element, id_of, result_with, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lxml import etree

    from rotator.salesforce.metadata import MetadataService

PORTION: Final = 2_000
"""Components of one retrieve: Salesforce gives up to 10,000 files, and an app has 2 kB in the archive."""

ARCHIVE_SIZE: Final = 7 * MEGABYTE
"""Bytes of an archive. In base64 it is a text of ten million characters, and a longer one is not read."""

UNPACKED_SIZE: Final = 64 * MEGABYTE
"""Bytes of all files of one archive."""

PATIENCE: Final = 300.0
"""Seconds that an org may take for one retrieve."""

_PAUSES: Final = BackOff(timedelta(seconds=2), timedelta(seconds=10))
_MANIFEST: Final = "package.xml"

_HEAD: Final = struct.Struct("<4s22xHH")
"""What stands before each file of an archive (APPNOTE 4.3.7): of it how long the name is, and what else comes before
the content. What it tells of the content may be missing, and is in the directory at the archive's end."""

_MAGIC: Final = b"PK\3\4"
_ENCRYPTED: Final = 0x1

_DAMAGED: Final = (
    WrongShape,
    zipfile.BadZipFile,
    struct.error,
    zlib.error,
    EOFError,
    ValueError,
    # Of methods and passwords that no retrieve has, and of what they unpack by.
    NotImplementedError,
    RuntimeError,
    OSError,
    lzma.LZMAError,
)
"""What an archive raises that is none, or was damaged on its way: zipfile documents the first alone."""


def retrieved(metadata: MetadataService, names: Mapping[str, Sequence[str]]) -> Iterator[Component]:
    """Components of several types, by their full names; what is missing, or may not be read, does not come.

    Raises OrgError, OrgUnavailable and LoginRefused.
    """
    for some in _portions(names):
        yield from _unpacked(metadata.org, _sent(metadata, some))


def _portions(names: Mapping[str, Sequence[str]]) -> Iterator[dict[str, list[str]]]:
    members = [(metadata_type, name) for metadata_type, theirs in names.items() for name in theirs]
    for some in portions(members, PORTION):
        portion: dict[str, list[str]] = {}
        for metadata_type, name in some:
            portion.setdefault(metadata_type, []).append(name)
        yield portion


def _sent(metadata: MetadataService, names: Mapping[str, Sequence[str]]) -> bytes:
    """The archive, which the org deletes as it sends it: one that was lost on its way is retrieved once more."""
    begun = _begun(metadata, names)
    try:
        return _archive(metadata, begun)
    except (*CLOSED, OrgUnavailable):
        raise
    except OrgError:
        return _archive(metadata, _begun(metadata, names))


def _begun(metadata: MetadataService, names: Mapping[str, Sequence[str]]) -> str:
    types = [
        add_texts(add_texts(element("types"), "members", some), "name", [metadata_type])
        for metadata_type, some in names.items()
    ]
    request = element(
        "retrieveRequest",
        element("apiVersion", API_VERSION),
        element("singlePackage", "true"),
        element("unpackaged", *types, element("version", API_VERSION)),
    )
    return metadata.ask("retrieve", [request], partial(id_of, what="retrieve"))


def _archive(metadata: MetadataService, retrieval: str) -> bytes:
    """What is in the archive when the org has made it."""
    asked = [element("asyncProcessId", retrieval), element("includeZip", "true")]
    understood = partial(_made, metadata.org)
    for _ in replace(metadata.waiting, patience=PATIENCE).turns(_PAUSES):
        archive = metadata.ask("checkRetrieveStatus", asked, understood, size=2 * ARCHIVE_SIZE)
        if archive is not None:
            return archive
    raise OrgUnavailable(
        f"The org {metadata.org} has not retrieved its apps within {PATIENCE:.0f} seconds.",
        effect=NOTHING_CHANGED,
        rerun="Run it again.",
    )


def _made(org: str, results: list[etree._Element]) -> bytes | None:
    """The archive; None while it is not made. Raises OrgError where it will not be, and WrongShape."""
    result = result_with(results, "status", "it does not tell how far it is")
    if text_of(result, "done") != "true":
        return None
    if text_of(result, "success") != "true":
        why = text_of(result, "errorMessage") or text_of(result, "status")
        raise OrgError(f"The org {org} could not retrieve its apps: {why}", effect=NOTHING_CHANGED)
    archive = text_of(result, "zipFile")
    if not archive:
        raise OrgError(f"The org {org} has deleted what it retrieved.", effect=NOTHING_CHANGED)
    try:
        return binascii.a2b_base64(archive, strict_mode=True)
    except ValueError:
        raise WrongShape("its archive is no base64") from None


def _unpacked(org: str, archive: bytes) -> Iterator[Component]:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            if sum(each.file_size for each in files.infolist()) > UNPACKED_SIZE:
                raise WrongShape("its archive is too large")
            for each in files.infolist():
                file = each.filename.rpartition("/")[2]
                if file and file != _MANIFEST:
                    yield _component(org, file, _content(files, archive, each))
    except _DAMAGED as error:
        raise from_status(org, 200, why=one_line(str(error)) or type(error).__name__) from None


def _content(files: zipfile.ZipFile, archive: bytes, each: zipfile.ZipInfo) -> bytes:
    if max(each.file_size, each.compress_size) > COMPONENT_SIZE:
        raise WrongShape("a file of its archive is too large")
    if each.compress_type == zipfile.ZIP_DEFLATED and not each.flag_bits & _ENCRYPTED:
        return _deflated(archive, each)
    with files.open(each) as file:
        return file.read(COMPONENT_SIZE)


def _deflated(archive: bytes, each: zipfile.ZipInfo) -> bytes:
    """A file as zipfile reads it, in half the time: it makes readers of several layers, which is much for 2 kB."""
    magic, name, extra = _HEAD.unpack_from(archive, each.header_offset)
    begin = each.header_offset + _HEAD.size + name + extra
    packed = archive[begin : begin + each.compress_size]
    content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, each.file_size + 1)
    if magic != _MAGIC or len(content) != each.file_size or zlib.crc32(content) != each.CRC:
        raise zipfile.BadZipFile("a file of its archive is damaged")
    return content


def _component(org: str, file: str, content: bytes) -> Component:
    """A file as a component: it has its name from the file's, without which a read would have none."""
    return Component(org, document(content), file=unquote(file.rpartition(".")[0]))
