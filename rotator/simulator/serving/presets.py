"""Orgs as they are met: named sets of settings, so that a program can be tried against each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rotator.simulator.org.settings import OrgSettings, Refusal

_NOT_INSTALLED: Final = Refusal("app_not_found", "External client app is not installed in this org")
_WRONG_SECRET: Final = Refusal("invalid_client", "invalid client credentials")


@dataclass(frozen=True)
class Preset:
    """One kind of org."""

    settings: OrgSettings
    has_external_apps: bool
    """Whether somebody has made external client apps there."""
    meaning: str


PRESETS: Final = {
    "connected-apps-2024": Preset(
        OrgSettings(creation_restricted=False),
        has_external_apps=False,
        meaning="connected apps only, and new ones may be made",
    ),
    "spring-26": Preset(
        OrgSettings(refusals={"app": _NOT_INSTALLED}),
        has_external_apps=True,
        meaning="no new connected apps; an unknown consumer key is app_not_found",
    ),
    "eca-unreadable": Preset(
        OrgSettings(
            refusals={"app": _NOT_INSTALLED}, external_certificate_returned="never", external_apps_updatable=False
        ),
        has_external_apps=True,
        meaning="certificates of external client apps never come back, and only deployments change them",
    ),
    "eca-other-words": Preset(
        OrgSettings(
            refusals={"app": _NOT_INSTALLED},
            external_refusals={"signature": _WRONG_SECRET},
            external_certificate_form="pem",
            external_consumer_key_given="refuse",
            external_names={
                "ExtlClntAppOauthSettings": "{app}OAuthSettings",
                "ExtlClntAppGlobalOauthSettings": "{app}GlblOAuth",
                "ExtlClntAppOauthConfigurablePolicies": "{app}OAuthSettings_defaultPolicy",
                "ExtlClntAppConfigurablePolicies": "{app}_defaultPolicy",
            },
        ),
        has_external_apps=True,
        meaning="a wrong key is told invalid_client, certificates are PEM, components have other names",
    ),
}
"""By the name that `--like` takes."""
USUAL: Final = Preset(OrgSettings(), has_external_apps=True, meaning="the harsher answer to whatever is not known")
"""The org when nothing else is asked for."""
