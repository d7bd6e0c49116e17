"""Envelopes: what clients of every habit send, and how faults look."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from rotator.simulator.wire.soap import ENVELOPE, INSTANCE, METADATA, FaultError, SoapCall, fault_answer, xsi_type


@pytest.mark.fact("8.2a")
def test_prefixes_do_not_matter() -> None:
    request = SoapCall.parse(
        f"""<S:Envelope xmlns:S="{ENVELOPE}" xmlns:met="{METADATA}"><S:Header>
        <met:SessionHeader><met:sessionId> token </met:sessionId></met:SessionHeader>
        <met:AllOrNoneHeader><met:allOrNone>1</met:allOrNone></met:AllOrNoneHeader></S:Header>
        <S:Body><!-- a remark --><met:readMetadata><met:type>ConnectedApp</met:type></met:readMetadata></S:Body>
        </S:Envelope>""".encode()
    )
    assert (request.operation, request.session_id, request.all_or_none) == ("readMetadata", "token", True)
    assert request.texts("type") == ["ConnectedApp"]


@pytest.mark.fact("8.2a")
def test_children_may_be_left_unqualified() -> None:
    request = SoapCall.parse(
        f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body><m:describeMetadata xmlns:m="{METADATA}">'
        "<asOfVersion>63.0</asOfVersion></m:describeMetadata></e:Body></e:Envelope>".encode()
    )
    assert request.texts("asOfVersion") == ["63.0"]
    assert request.session_id == ""


@pytest.mark.parametrize("text", ["ConnectedApp", "m:ConnectedApp", " m:ConnectedApp "])
def test_an_xsi_type_is_looked_up_by_its_namespace(text: str) -> None:
    element = etree.fromstring(
        f'<metadata xmlns="{METADATA}" xmlns:m="{METADATA}" xmlns:xsi="{INSTANCE}" xsi:type="{text}"/>'
    )
    assert xsi_type(element) == "ConnectedApp"


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        ("", "Must specify a"),
        ('xsi:type="o:ConnectedApp"', "Unknown type:o:ConnectedApp"),
        ('xsi:type="x:A"', "Unknown"),
    ],
)
def test_a_missing_or_foreign_xsi_type_is_a_fault(attribute: str, words: str) -> None:
    element = etree.fromstring(f'<metadata xmlns="{METADATA}" xmlns:o="urn:other" xmlns:xsi="{INSTANCE}" {attribute}/>')
    with pytest.raises(FaultError, match=words):
        xsi_type(element)


@pytest.mark.fact("8.4a")
def test_a_fault_repeats_its_code_and_has_no_detail() -> None:
    answer = fault_answer(FaultError("INVALID_SESSION_ID", "Illegal Session"))
    fault = etree.fromstring(answer.body)[0][0]
    assert answer.status == 500
    assert answer.content_type == "text/xml; charset=utf-8"
    assert [(child.tag, child.text) for child in fault] == [
        ("faultcode", "sf:INVALID_SESSION_ID"),
        ("faultstring", "INVALID_SESSION_ID: Illegal Session"),
    ]
    assert fault.nsmap["sf"] == METADATA


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no xml",
        b"<a/>",
        f'<e:Envelope xmlns:e="{ENVELOPE}"/>'.encode(),
        f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body/></e:Envelope>'.encode(),
        f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body><other/></e:Body></e:Envelope>'.encode(),
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    ],
)
def test_what_is_no_envelope_is_a_fault_of_the_client(body: bytes) -> None:
    with pytest.raises(FaultError) as refused:
        SoapCall.parse(body)
    assert refused.value.code == "soapenv:Client"


@given(st.binary(max_size=200))
def test_whatever_bytes_come_the_answer_is_a_fault(body: bytes) -> None:
    with pytest.raises(FaultError):
        SoapCall.parse(body)
