from __future__ import annotations

import sys

import pytest

from rotator.alerts.apprise.settings import AppriseSettings
from rotator.alerts.plugins import open_channel
from rotator.entry_points import Surroundings
from rotator.errors import ConfigurationError

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def opened(url: str) -> None:
    settings = AppriseSettings.model_validate({"type": "apprise", "url": {"env": "URL"}})
    open_channel("pager", settings, Surroundings({"URL": url}))


def test_where_apprise_is_not_installed_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigurationError) as refused:
        opened("json://localhost")
    assert refused.value.hint == f"Type: {sys.executable} -m pip install 'salesforce-rotator[apprise]'"


@pytest.mark.parametrize("url", ["nothing://planted", "planted", "json://planted json://planted-too"])
def test_what_is_not_one_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="not one URL") as refused:
        opened(url)
    assert "planted" not in str(refused.value)


def test_calls_have_the_time_out_of_the_channel() -> None:
    settings = AppriseSettings.model_validate({"type": "apprise", "url": {"env": "URL"}, "timeout": "7s"})
    channel = open_channel("pager", settings, Surroundings({"URL": "json://localhost"}))
    (service,) = vars(channel)["_services"]
    assert service.request_timeout == (7.0, 7.0)


def test_apprise_is_not_imported_before_it_is_used() -> None:
    import rotator.alerts.apprise  # noqa: PLC0415

    assert "apprise" not in vars(rotator.alerts.apprise)
