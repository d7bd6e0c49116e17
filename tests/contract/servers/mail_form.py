"""Whether a mail is in the form that every server and every mail program takes, which most servers do not look at."""

from __future__ import annotations

import re
from typing import Final

_ENCODED_WORD: Final = re.compile(rb"=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=")


def complaints(mail: bytes) -> list[str]:
    """What RFC 5322, 2045 (section 6.7) and 2047 (section 2) do not allow in it."""
    head, _, body = mail.partition(b"\r\n\r\n")
    found = [f"a line of {len(line)} bytes" for line in mail.split(b"\r\n") if len(line) > 998]
    found += ["a line that ends without CRLF"] if re.search(rb"(?<!\r)\n|\r(?!\n)", mail) else []
    found += ["a header that is not ASCII"] if not head.isascii() else []
    for line in head.split(b"\r\n"):
        words = _ENCODED_WORD.findall(line)
        found += [f"an encoded word of {len(word)} bytes" for word in words if len(word) > 75]
        found += [f"a line with encoded words of {len(line)} bytes"] if words and len(line) > 76 else []
    # All parts of ours are quoted-printable.
    found += [f"a line of quoted-printable of {len(line)} bytes" for line in body.split(b"\r\n") if len(line) > 76]
    return found
