"""What the simulated org does not do says so in words of its own, never as a mistake of the caller."""

from __future__ import annotations

from html import escape
from typing import Final

from rotator.resources import docs
from rotator.simulator.wire.answers import Answer, html_answer, oauth_error, rest_error
from rotator.simulator.wire.soap import FaultError

CODE: Final = "SIMULATOR_UNSUPPORTED"
"""The error code, at every kind of address. Salesforce has none of this name."""


def sentence(what: str) -> str:
    """Says what is not simulated."""
    return f"{what} is not simulated. Salesforce may have it; {docs('simulator')} says what the simulated org has."


def unsupported_fault(what: str) -> FaultError:
    """For SOAP."""
    return FaultError(CODE, sentence(what))


def unsupported_resource(what: str) -> Answer:
    """For the REST API."""
    return rest_error(501, CODE, sentence(what))


def unsupported_grant(what: str) -> Answer:
    """For OAuth endpoints."""
    return oauth_error(501, CODE, sentence(what))


def unsupported_page(what: str) -> Answer:
    """For pages."""
    return html_answer(501, f"<html><body>{CODE}: {escape(sentence(what))}</body></html>")
