"""The settings of features that concern apps (metadata WSDL; Metadata API Developer Guide, settings)."""

from __future__ import annotations

from typing import Final

from rotator.simulator.org.schema.field import LAST_API_VERSION, Field, metadata_type


def _flag(name: str, since: int, *, until: int = LAST_API_VERSION, default: str = "false") -> Field:
    """A switch. One that a file leaves out is left as it is, as such files name what they change and nothing else."""
    return Field(name, "flag", since, until, default=default, kept=True)


CONNECTED_APP_SETTINGS: Final = metadata_type(
    "ConnectedAppSettings",
    _flag("enableAdminApprovedAppsOnly", 47),
    _flag("enableAdminApprovedAppsOnlyForExternalUser", 49),
    _flag("enableSkipUserProvisioningWizardWelcomePage", 47),
)
EXTERNAL_CLIENT_APP_SETTINGS: Final = metadata_type(
    "ExternalClientAppSettings",
    _flag("enableClientSecretInRestApiAccess", 62),
    _flag("enableConsumerSecretApiAccess", 58),
    # Of 58.0 to 61.0: the guide of 59.0 has it, and what came with 62.0 took its place.
    _flag("enableExternalClientApps", 58, until=61, default="true"),
    _flag("enablePackageEcaOauthFromDevOrg", 62),
)
