"""Files of an archive are read as zipfile reads them, and one that is damaged anywhere is no answer."""

from __future__ import annotations

import io
import zipfile
from typing import Final

import pytest

from rotator.errors import OrgUnavailable
from rotator.salesforce.inventory.retrieval import _unpacked
from rotator.salesforce.metadata import COMPONENT_SIZE
from rotator.simulator.wire.soap import METADATA

FOLDER: Final = "unpackaged/connectedApps"


def file(label: str) -> bytes:
    return f'<ConnectedApp xmlns="{METADATA}"><label>{label}</label><fullName>Other</fullName></ConnectedApp>'.encode()


def archive(*labels: str, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as files:
        files.writestr("unpackaged/package.xml", "<Package/>")
        for number, label in enumerate(labels):
            files.writestr(f"{FOLDER}/App_{number}%2E.connectedApp", file(label))
    return packed.getvalue()


def read(packed: bytes) -> list[tuple[str, str, str]]:
    return [(each.metadata_type, each.full_name, each.text("label")) for each in _unpacked("production", packed)]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_components_have_the_names_and_types_of_their_files(method: int) -> None:
    assert read(archive("one", "two", method=method)) == [
        ("ConnectedApp", "App_0.", "one"),
        ("ConnectedApp", "App_1.", "two"),
    ]


def test_an_archive_that_is_written_as_a_stream_is_read() -> None:
    class Stream(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    stream = Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr(f"{FOLDER}/App.connectedApp", file("one"))
    assert stream.getvalue()[14:26] == bytes(12), "its sizes stand behind it"
    assert read(stream.getvalue()) == [("ConnectedApp", "App", "one")]


def test_whatever_byte_is_another_something_else_is_read_or_nothing() -> None:
    """Of a content that is another than was packed nothing is told."""
    packed, expected = archive("one"), read(archive("one"))
    for at in range(len(packed)):
        try:
            found = read(packed[:at] + bytes([packed[at] ^ 0x55]) + packed[at + 1 :])
        except OrgUnavailable:
            continue
        assert {text for _, _, text in found} <= {text for _, _, text in expected}


def test_a_file_that_is_larger_than_it_says_is_no_answer() -> None:
    packed = bytearray(archive("x" * 2_000))
    said = len(file("x" * 2_000)).to_bytes(4, "little")
    assert packed.count(said) == 2
    with pytest.raises(OrgUnavailable, match="damaged"):
        read(bytes(packed.replace(said, (1_000).to_bytes(4, "little"))))


def test_a_file_that_is_too_large_is_not_read() -> None:
    with pytest.raises(OrgUnavailable, match="too large"):
        read(archive("x" * COMPONENT_SIZE))


def test_a_file_of_something_else_than_a_component_is_no_answer() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr(f"{FOLDER}/App.connectedApp", "<ConnectedApp><label>one</label></ConnectedApp>")
    with pytest.raises(OrgUnavailable, match="something else than a component"):
        read(packed.getvalue())


def test_what_was_retrieved_is_not_sent() -> None:
    [found] = _unpacked("production", archive("one"))
    with pytest.raises(ValueError, match="whose it is"):
        found.sent_as("metadata")
