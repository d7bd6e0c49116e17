"""JSON members under the names that they had in the release before; to be removed with the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rotator.core.lifecycle.certificate_life import CertificateLife

_FORMER: Final = {
    "message": "what",
    "effect": "left",
    "hint": "advice",
    "notifications": "notices",
    "queued_at": "owed_at",
    "delivered_at": "told_at",
}


def with_former_names(document: dict[str, Any]) -> dict[str, Any]:
    """The document with each renamed member under its former name as well."""
    return document | {former: document[name] for name, former in _FORMER.items() if name in document}


def with_former_states(document: dict[str, Any], life: CertificateLife) -> dict[str, Any]:
    """The line of a certificate, with the credential under its former name and the state in its former word."""
    # Certificates are not imported by the commands that show none.
    from rotator.core.lifecycle.certificate_life import state_by_date  # noqa: PLC0415
    from rotator.core.lifecycle.states import CertificateState  # noqa: PLC0415

    state = life.state
    unknown_then = {CertificateState.RESTING, CertificateState.DRIFT, CertificateState.UNPROVEN}
    if state in {*unknown_then, CertificateState.NOT_YET_VALID} and life.expiry:
        state = state_by_date(life.expiry, life.now)
    former = "expiring" if state in {CertificateState.DUE, CertificateState.DEFERRED} else str(state)
    return document | {"managed_by": document["credential"], "former_state": former}
