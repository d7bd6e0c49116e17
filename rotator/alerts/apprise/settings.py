"""`type: apprise` in config.yaml."""

from typing import Literal

from rotator.config.secrets import SecretReference
from rotator.config.section import ChannelSettings


class AppriseSettings(ChannelSettings):
    """Anything that Apprise reaches (Teams, PagerDuty, SMS, ...), by its URL; needs `salesforce-rotator[apprise]`."""

    type: Literal["apprise"]
    url: SecretReference
