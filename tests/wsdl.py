"""The public WSDL of the Metadata API: each request of the program to a simulated org, and its answer, keeps to it.

simple-salesforce ships that of API 63.0, the newest that is public in a package; of newer versions the simulated orgs
know nothing that an app has. It is seen to for every test, by tests/conftest.py.
"""

from __future__ import annotations

import re
import threading
from functools import cache
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from rotator.core.observed import Kind
from rotator.simulator.org.schema import external_client_app as satellites
from rotator.simulator.serving import endpoints
from rotator.simulator.wire.soap import ENVELOPE, INSTANCE, METADATA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

    from rotator.simulator.org.org import Org
    from rotator.simulator.wire.faults import Fault
    from rotator.simulator.wire.request import Request

WSDL: Final = Path(str(distribution("simple-salesforce").locate_file("simple_salesforce/metadata.wsdl")))
VERSION: Final = "63.0"

_SATELLITES: Final = (
    satellites.GLOBAL_OAUTH_SETTINGS.name,
    satellites.OAUTH_SETTINGS.name,
    satellites.OAUTH_POLICIES.name,
    satellites.POLICIES.name,
)
_ADDRESS: Final = "/services/Soap/m"
_SCHEMA: Final = "{http://www.w3.org/2001/XMLSchema}"
_SESSION_ID: Final = re.compile(rb"<sessionId>[^<]*")
_OURS: Final = "tns:"
"""The prefix of the WSDL's own names in it."""


class Watch:
    """Notes what is not valid, in whichever thread a simulated org answers."""

    def __init__(self) -> None:
        self._found: Final[list[str]] = []
        self._valid: Final[set[bytes]] = set()
        """Digests of what was found valid: five of six calls are, but for the session, what one before them was."""
        self._lock: Final = threading.Lock()

    def put_on(self, patch: pytest.MonkeyPatch) -> None:
        """Looks at every call of this program to the simulated orgs of this process, from now on."""
        plain = endpoints._metadata

        def watched(org: Org, request: Request, rest: list[str]) -> endpoints.Call:
            call = plain(org, request, rest)
            if not request.headers.get("user-agent", "").startswith("rotator/"):
                return call
            self.look(request.body)

            def perform(fault: Fault | None) -> Any:
                answer = call.perform(fault)
                self.look(answer.body)
                return answer

            return endpoints.Call(call.kind, perform, call.apps)

        patch.setitem(endpoints._ENDPOINTS, _ADDRESS, watched)

    def taken(self) -> list[str]:
        """What was not valid since this was asked last."""
        with self._lock:
            found = list(self._found)
            self._found.clear()
            return found

    def look(self, message: bytes) -> None:
        """Notes what is not valid in a request or an answer."""
        digest = sha256(_SESSION_ID.sub(b"", message)).digest()
        with self._lock:
            if digest in self._valid:
                return
            if found := violations(etree.fromstring(message)):
                self._found.extend(found)
            else:
                self._valid.add(digest)


def violations(envelope: etree._Element) -> list[str]:
    """What is not valid in a request or an answer; a fault is none of the WSDL's."""
    schema: Any = _of_program()
    found: list[str] = []
    for part in envelope.iterfind(f"{{{ENVELOPE}}}Body/{{{METADATA}}}*"):
        for nil in part.findall(f"{{{METADATA}}}result/{{{METADATA}}}records[@{{{INSTANCE}}}nil]"):
            # So Salesforce answers for what is missing, against its own schema (recorded).
            nil.getparent().remove(nil)  # type: ignore[union-attr] # it was found in one
        _allow_what_is_newer(part)
        if not schema.validate(part):
            found += [f"{error.message}\n{etree.tostring(part).decode()[:2000]}" for error in schema.error_log]
    return found


def _allow_what_is_newer(part: etree._Element) -> None:
    for options in part.findall(f"{{{METADATA}}}DeployOptions"):
        # So the official command line sends it: with a test level, production orgs refuse what needs no test.
        if options.find(f"{{{METADATA}}}testLevel") is None:
            etree.SubElement(options, f"{{{METADATA}}}testLevel").text = "NoTestRun"
    for result in part.findall(f"{{{METADATA}}}result"):
        for name in ("numberFiles", "zipSize"):
            # From 66.0 on a deployment tells them.
            for newer in result.findall(f"{{{METADATA}}}{name}"):
                result.remove(newer)


def schema_of(wsdl: etree._Element) -> etree.XMLSchema:
    """The schema in a WSDL."""
    # Written and read again, so that it carries the prefixes that the document around it declares.
    return etree.XMLSchema(etree.fromstring(etree.tostring(next(wsdl.iter(f"{_SCHEMA}schema")))))


KINDS: Final = tuple(kind for kind in Kind if kind is not Kind.CLIENT_SECRET)
"""Those that are types of the Metadata API."""

_SCHEMAS: Final = threading.local()


def _of_program() -> etree.XMLSchema:
    """For the types that the program reads and writes. One a thread: it keeps what it found last."""
    if not hasattr(_SCHEMAS, "schema"):
        wsdl = etree.fromstring(reduced(WSDL, (*KINDS, *_SATELLITES)))
        for words in list(wsdl.iter(f"{_SCHEMA}enumeration")):
            # They grow with the version, and what an org says is sent back as it came.
            words.getparent().remove(words)  # type: ignore[union-attr] # the root is none
        _SCHEMAS.schema = schema_of(wsdl)
    schema: etree.XMLSchema = _SCHEMAS.schema
    return schema


@cache
def reduced(wsdl: Path, kinds: tuple[str, ...]) -> bytes:
    """The WSDL with all its operations, and of the types only those that they or one of `kinds` refer to.

    What derives from `Metadata` is referred to by nothing: an answer names it, when it was asked for by name. All of it
    takes a second and 50 MB.
    """
    root = etree.parse(wsdl, etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)).getroot()
    (schema,) = root.iter(f"{_SCHEMA}schema")
    types = {str(node.get("name")): node for node in schema if node.tag != f"{_SCHEMA}element"}
    elements = (name for node in schema.iterchildren(f"{_SCHEMA}element") for name in _references(node))
    needed = _closure({*kinds, *elements}, types)
    for name, node in types.items():
        if name not in needed:
            schema.remove(node)
    return etree.tostring(root)


def _closure(names: set[str], types: Mapping[str, etree._Element]) -> set[str]:
    """The names, and all that they refer to."""
    found, left = set[str](), names
    while left:
        found |= left
        left = {name for known in left for name in _references(types[known])} - found
    return found


def _references(node: etree._Element) -> Iterator[str]:
    for part in node.iter():
        for attribute in ("type", "base"):
            name = part.get(attribute) or ""
            if name.startswith(_OURS):
                yield name.removeprefix(_OURS)
