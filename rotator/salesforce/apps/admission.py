"""Who may log in through an app, as its own policies say.

A permission set may name an app by itself, too, which the app's policies do not show: that nobody is named here does
not mean that nobody may log in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.core import words

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Admission:
    """What the policies of one app say."""

    app: str
    only_approved: bool = False
    """Only those users whom an administrator approved beforehand; else each who approves the app himself."""
    profiles: tuple[str, ...] = ()
    permission_sets: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.only_approved:
            return f"Through {self.app} each user may log in who has approved it."
        named = [
            *(f"the profile {each}" for each in self.profiles),
            *(f"the permission set {each}" for each in self.permission_sets),
        ]
        whom = words.listed(named) or "what names it elsewhere, as its own policies name nobody"
        return f"Through {self.app} users may log in by {whom}."


def of_connected_app(app: str, fields: Mapping[str, object]) -> Admission:
    """By the one component of a connected app (Metadata API Developer Guide, ConnectedApp)."""
    oauth = fields.get("oauthConfig")
    approved = isinstance(oauth, dict) and oauth.get("isAdminApproved") == "true"
    return Admission(
        app,
        only_approved=approved,
        profiles=_several(fields.get("profileName")),
        permission_sets=_several(fields.get("permissionSetName")),
    )


def of_external_client_app(app: str, policies: Mapping[str, object]) -> Admission:
    """By the OAuth policies of an external client app, a satellite (ExtlClntAppOauthConfigurablePolicies)."""
    return Admission(
        app,
        only_approved=policies.get("permittedUsersPolicyType") == "AdminApprovedPreAuthorized",
        profiles=_parts(policies.get("commaSeparatedProfile")),
        permission_sets=_parts(policies.get("commaSeparatedPermissionSet")),
    )


def _several(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),) if value else ()


def _parts(value: object) -> tuple[str, ...]:
    return tuple(part.strip() for part in str(value or "").split(",") if part.strip())
