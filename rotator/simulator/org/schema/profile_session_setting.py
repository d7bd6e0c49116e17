"""The ProfileSessionSetting type (metadata WSDL; Metadata API Developer Guide, ProfileSessionSetting)."""

from __future__ import annotations

from typing import Final

from rotator.simulator.org.schema.field import enum, flag, metadata_type, number, text

PROFILE_SESSION_SETTING: Final = metadata_type(
    "ProfileSessionSetting",
    flag("externalCommunityUserIdentityVerif", 49),
    flag("forceLogout"),
    text("profile", required=True),
    enum("requiredSessionLevel", "SessionSecurityLevel", "LOW", "STANDARD", "HIGH_ASSURANCE"),
    flag("sessionPersistence"),
    number("sessionTimeout", required=True),
    flag("sessionTimeoutWarning"),
)
