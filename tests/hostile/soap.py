"""Envelopes that are no proper answer of the Metadata API, and others that nearly are."""

from __future__ import annotations

from typing import Final

_HEAD: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope'
    b' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    b' xmlns="http://soap.sforce.com/2006/04/metadata"><soapenv:Body>'
)
_TAIL: Final = b"</soapenv:Body></soapenv:Envelope>"


def _in(body: bytes) -> bytes:
    return _HEAD + body + _TAIL


def _everywhere(result: bytes) -> bytes:
    """The same in the answers of all operations that are asked for here: each finds its own."""
    return b"".join(b"<" + name + b">" + result + b"</" + name + b">" for name in _RESPONSES)


_RESPONSES: Final = (b"describeMetadataResponse", b"listMetadataResponse", b"readMetadataResponse")
_RESULTS: Final = (
    b"",
    b"<result/>",
    b"<result>text</result>",
    b'<result xsi:nil="true"/>',
    b'<result xsi:type="Nothing"/>',
    b'<result xsi:type="ConnectedApp"><fullName>Billing</fullName></result>',
    b'<result><records xsi:nil="true"/><records/></result>',
    b'<result><records xsi:type="Certificate"/></result>',
    b'<result><records xsi:type="ConnectedApp"/></result>',
    b'<result><records xsi:type="ConnectedApp"><fullName/><oauthConfig/><samlConfig/></records></result>',
    b'<result><records xsi:type="ConnectedApp"><fullName>Billing</fullName><label>x</label><oauthConfig>'
    b"<certificate>no certificate</certificate></oauthConfig></records></result>",
    b'<result><records xsi:type="ConnectedApp"><fullName>Billing</fullName><oauthConfig xsi:type="Certificate">'
    b"<fullName>x</fullName></oauthConfig></records></result>",
    b"<result><type>ConnectedApp</type></result>",
    b"<result><fullName>Billing</fullName></result>",
    b"<result><fullName>Billing</fullName><type>ConnectedApp</type><lastModifiedDate>then</lastModifiedDate></result>",
    b"<result><fullName>B</fullName><type>ConnectedApp</type>"
    b"<lastModifiedDate>99999999-01-01T00:00:00Z</lastModifiedDate></result>",
    b"<result><fullName>B</fullName><type>ConnectedApp</type>"
    b"<lastModifiedDate>0001-01-01T00:00:00+14:00</lastModifiedDate></result>",
    b"<result><metadataObjects/></result>",
    b'<result><metadataObjects xsi:nil="true"/></result>',
    b"<result><unknown><deeper/></unknown></result>",
)
_FAULTS: Final = (
    b"<soapenv:Fault/>",
    b"<soapenv:Fault><faultcode/></soapenv:Fault>",
    b"<soapenv:Fault><faultcode>sf:INVALID_SESSION_ID</faultcode></soapenv:Fault>",
    b"<soapenv:Fault><faultstring>said</faultstring></soapenv:Fault>",
    b"<soapenv:Fault><faultcode>a:b:c</faultcode><faultstring><b/></faultstring></soapenv:Fault>",
    b"<soapenv:Fault><faultcode>sf:X</faultcode><faultstring>&#x202e;\x1f</faultstring></soapenv:Fault>",
    b"<soapenv:Fault><faultcode>sf:X</faultcode><faultstring>" + b"long " * 20_000 + b"</faultstring></soapenv:Fault>",
    b"<soapenv:Fault/><soapenv:Fault/>",
)

ENVELOPES: Final[tuple[bytes, ...]] = (
    b"",
    b"no XML",
    b"<",
    b"<a/>",
    b"<a>" * 300 + b"</a>" * 300,
    b"<a>" * 40_000,
    b"\xff\xfe<\x00a\x00",
    b'<?xml version="1.0" encoding="nothing"?><a/>',
    b'<?xml version="1.0" encoding="UTF-7"?><a/>',
    b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>' + _HEAD.partition(b"?>")[2] + b"&b;" + _TAIL,
    b'<!DOCTYPE a [<!ENTITY x0 "xxxxxxxxxx">'
    + b"".join(b'<!ENTITY x%d "%s">' % (n, b"&x%d;" % (n - 1) * 10) for n in range(1, 9))
    + b"]><a>&x8;</a>",
    b"<a " + b" ".join(b'a%d=""' % n for n in range(20_000)) + b"/>",
    _in(b""),
    _in(b"<unknown/>"),
    _in(b"text"),
    _HEAD,
    _in(b"<readMetadataResponse>" + b"<a/>" * 60_000 + b"</readMetadataResponse>"),
    *(_in(_everywhere(result)) for result in _RESULTS),
    *(_in(b"<" + name + b">" + result + b"</" + name + b">") for name in _RESPONSES for result in _RESULTS),
    *(_in(fault) for fault in _FAULTS),
)
