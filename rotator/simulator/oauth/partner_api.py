"""login and logout of the partner and enterprise SOAP APIs (SOAP API Developer Guide); nothing else of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

from rotator.simulator.org.schema.field import FIRST_API_VERSION
from rotator.simulator.wire.soap import (
    ENVELOPE,
    INSTANCE,
    FaultError,
    SoapCall,
    add,
    envelope_answer,
    fault_answer,
    offered_version,
    response,
)
from rotator.simulator.wire.unsupported import unsupported_fault

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import User
    from rotator.simulator.wire.answers import Answer

NAMESPACES: Final = {"u": "urn:partner.soap.sforce.com", "c": "urn:enterprise.soap.sforce.com"}
"""By the letter in the address."""
_FAULTS: Final = {"u": "urn:fault.partner.soap.sforce.com", "c": "urn:fault.enterprise.soap.sforce.com"}
_WRONG: Final = "Invalid username, password, security token; or user locked out."


def answer_soap(org: Org, body: bytes, api: str, version: str, host: str = "") -> Answer:
    """Answers one call at /services/Soap/u/VERSION or /services/Soap/c/VERSION."""
    try:
        call = SoapCall.parse(body, NAMESPACES[api])
        offered_version(version, range(FIRST_API_VERSION, org.settings.latest_api_version + 1))
        if call.operation == "login":
            return _login(org, call, api, version, host)
        if call.operation == "logout":
            return _logout(org, call, api)
        raise unsupported_fault(f"The call {call.operation} of the SOAP API for data")
    except FaultError as fault:
        return fault_answer(fault)


def _login(org: Org, call: SoapCall, api: str, version: str, host: str) -> Answer:
    username, password = (next(iter(call.texts(name)), "") for name in ("username", "password"))
    user = org.users.get(username)
    if user is None or not user.active or user.password is None or user.password.reveal() != password:
        org.record_login("", username, "INVALID_LOGIN", "Partner Product")
        return _login_fault(api, "INVALID_LOGIN", _WRONG)
    org.record_login("", username, "Success", "Partner Product")
    envelope, answer = response("login", NAMESPACES[api])
    result = add(answer, "result")
    base, short = org.addresses.instance_url(host), org.id[:15]
    add(result, "metadataServerUrl", f"{base}/services/Soap/m/{version}/{short}")
    add(result, "passwordExpired", _flag(user.password_expired))
    add(result, "sandbox", _flag(org.kind == "sandbox"))
    add(result, "serverUrl", f"{base}/services/Soap/{api}/{version}/{short}")
    add(result, "sessionId", org.start_password_session(user).token)
    add(result, "userId", user.id)
    _user_info(org, user, add(result, "userInfo"))
    return envelope_answer(envelope)


def _user_info(org: Org, user: User, info: etree._Element) -> None:
    texts = {
        "accessibilityMode": "false",
        "chatterExternal": "false",
        "currencySymbol": "$",
        "orgAttachmentFileSizeLimit": "5242880",
        "orgDefaultCurrencyIsoCode": "USD",
        "orgDefaultCurrencyLocale": "en_US",
        "orgDisallowHtmlAttachments": "false",
        "orgHasPersonAccounts": "false",
        "organizationId": org.id,
        "organizationMultiCurrency": "false",
        "organizationName": org.name,
        "profileId": org.id_of("00e", user.profile),
        "roleId": None,
        "sessionSecondsValid": str(int(org.settings.session_seconds)),
        "userDefaultCurrencyIsoCode": None,
        "userEmail": user.username,
        "userFullName": user.name,
        "userId": user.id,
        "userLanguage": "en_US",
        "userLocale": "en_US",
        "userName": user.username,
        "userTimeZone": "GMT",
        "userType": "Standard",
        "userUiSkin": "Theme3",
    }
    for name, text in texts.items():
        element = add(info, name, text)
        if text is None:
            element.set(f"{{{INSTANCE}}}nil", "true")


def _logout(org: Org, call: SoapCall, api: str) -> Answer:
    if org.visitor(call.session_id) is None:
        raise FaultError("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session")
    org.sessions.end(call.session_id)
    envelope, _ = response("logout", NAMESPACES[api])
    return envelope_answer(envelope)


def _login_fault(api: str, code: str, message: str) -> Answer:
    """A fault of this API has a detail, and its code has no prefix (recorded)."""
    fault_namespace = _FAULTS[api]
    prefixes = {"soapenv": ENVELOPE, "sf": fault_namespace, "xsi": INSTANCE}
    envelope = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap=prefixes)
    fault = etree.SubElement(etree.SubElement(envelope, f"{{{ENVELOPE}}}Body"), f"{{{ENVELOPE}}}Fault")
    etree.SubElement(fault, "faultcode").text = code
    etree.SubElement(fault, "faultstring").text = f"{code}: {message}"
    detail = etree.SubElement(etree.SubElement(fault, "detail"), f"{{{fault_namespace}}}LoginFault")
    detail.set(f"{{{INSTANCE}}}type", "sf:LoginFault")
    etree.SubElement(detail, f"{{{fault_namespace}}}exceptionCode").text = code
    etree.SubElement(detail, f"{{{fault_namespace}}}exceptionMessage").text = message
    return envelope_answer(envelope, 500)


def _flag(value: bool) -> str:
    return "true" if value else "false"
