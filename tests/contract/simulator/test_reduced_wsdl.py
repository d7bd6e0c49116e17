"""What is left of the WSDL is whole."""

# zeep's functions carry no annotations.
# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
import zeep
from zeep.wsdl import Document

from rotator.simulator.wire.soap import ENVELOPE, METADATA
from tests.wsdl import KINDS, WSDL, Watch, reduced

if TYPE_CHECKING:
    from zeep.xsd import Schema

NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"


def document(text: bytes) -> Document:
    return Document(BytesIO(text), zeep.Transport())  # type: ignore[arg-type] # wrong in zeep


def signatures(schema: Schema, names: set[str]) -> dict[str, str]:
    """Every type of these names with its fields, in their order."""
    return {name: str(schema.get_type(name).signature(schema)) for name in names}


def test_what_is_left_is_as_it_was_and_holds_every_kind_and_operation() -> None:
    whole, left = document(WSDL.read_bytes()), document(reduced(WSDL, KINDS))
    names = {each.qname.text for each in left.types.types if each.qname and each.qname.text.startswith(NAMESPACE)}
    assert {NAMESPACE + kind for kind in KINDS} <= names
    assert len(names) < len(list(whole.types.types)) / 5
    assert signatures(left.types, names) == signatures(whole.types, names)
    assert {each.qname for each in left.types.elements} == {each.qname for each in whole.types.elements}
    (ours,), (theirs,) = left.bindings.values(), whole.bindings.values()
    assert ours.all().keys() == theirs.all().keys()


def test_a_kind_that_is_not_in_it_is_no_small_matter() -> None:
    with pytest.raises(KeyError, match="NoSuchType"):
        reduced(WSDL, ("NoSuchType",))


def call(session: str, element: str) -> bytes:
    header = f'<SessionHeader xmlns="{METADATA}"><sessionId>{session}</sessionId></SessionHeader>'
    job = f"<{element}>0Af000001000587CAA</{element}><includeDetails>true</includeDetails>"
    content = f'<checkDeployStatus xmlns="{METADATA}">{job}</checkDeployStatus>'
    envelope = f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Header>{header}</e:Header><e:Body>{content}</e:Body></e:Envelope>'
    return envelope.encode()


def test_what_is_not_valid_is_told_each_time_that_it_is_said() -> None:
    watch = Watch()
    for session in ("one", "another"):
        watch.look(call(session, "asyncProcessId"))
        assert watch.taken() == []
        watch.look(call(session, "unknown"))
        [violation] = watch.taken()
        assert "unknown" in violation
