"""Draws the pictures of the status page for the documents: `python -m tests.end_to_end.pictures docs/images`."""

from __future__ import annotations

import struct
import sys
import tempfile
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from tests.end_to_end.browser import chromium, look, served
from tests.unit import fleets
from tests.unit.web import scene

_FURNISH: Final = {"company": scene.company, "many": scene.many(), "empty": scene.empty, "machines": scene.company}
_FLEETS: Final = {"machines": fleets.well}


class Picture(NamedTuple):
    """One file."""

    name: str
    history: str
    address: str
    width: int
    height: int
    scheme: str
    part: str = ""
    """Selects what is drawn of the page; the screen unless it is given."""


_CERTIFICATE: Final = f"/certificates/{scene.fingerprint_of('billing now')}"
_EXPIRY: Final = "section[aria-labelledby=expiry]"

PICTURES: Final = (
    Picture("status-attention", "company", "/", 1280, 560, "light"),
    Picture("status-light", "company", "/", 1280, 900, "light", _EXPIRY),
    Picture("status-dark", "company", "/", 1280, 900, "dark", _EXPIRY),
    Picture("status-500-apps", "many", "/", 1280, 900, "light", _EXPIRY),
    Picture("status-empty", "empty", "/", 1280, 640, "light"),
    Picture("status-phone", "company", "/", 400, 1300, "light"),
    Picture("status-certificate", "company", _CERTIFICATE, 1280, 900, "light"),
    Picture("status-machines", "machines", "/machines", 1280, 900, "light"),
)


def draw(folder: Path) -> None:
    """Draws them all into the folder."""
    with ExitStack() as stack:
        homes = {
            name: stack.enter_context(
                served(furnish, Path(stack.enter_context(tempfile.TemporaryDirectory())), fleet=_FLEETS.get(name))
            )
            for name, furnish in _FURNISH.items()
        }
        browser = stack.enter_context(chromium())
        for picture in PICTURES:
            with browser.new_context(**look(picture.width, picture.scheme)) as context:
                page = context.new_page()
                page.set_viewport_size({"width": picture.width, "height": picture.height})
                page.goto(homes[picture.history] + picture.address)
                shot = page.locator(picture.part).screenshot() if picture.part else page.screenshot()
                (folder / f"{picture.name}.png").write_bytes(packed(shot))


def packed(png: bytes) -> bytes:
    """The same picture in as few bytes as zlib can: Chromium packs for speed (PNG specification, section 5.3)."""
    at, chunks, data = 8, [], b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            data += content
        else:
            chunks.append((kind, content))
        at += length + 12
    chunks.insert(-1, (b"IDAT", zlib.compress(zlib.decompress(data), 9)))
    return png[:8] + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
