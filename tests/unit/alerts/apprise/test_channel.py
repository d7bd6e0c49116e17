from __future__ import annotations

import sys

import pytest

from rotator.alerts.apprise.settings import AppriseSettings
from rotator.alerts.plugins import open_channel
from rotator.entry_points import Surroundings
from rotator.errors import ConfigurationError
from rotator.testing.messages import message

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


@pytest.mark.parametrize(
    ("url", "is_whole"),
    [
        ("discord://planted-id/planted-token", False),
        ("discord://planted-id/planted-token?overflow=split", True),
        ("pagerduty://planted-key@planted-token", False),
    ],
)
def test_a_message_is_cut_to_what_its_service_takes_unless_the_address_says_otherwise(
    url: str, *, is_whole: bool
) -> None:
    settings = AppriseSettings.model_validate({"type": "apprise", "url": {"env": "URL"}})
    channel = open_channel("pager", settings, Surroundings({"URL": url}))
    (service,) = vars(channel)["_services"]
    sent = list[str]()

    def send(body: str, **_: object) -> bool:
        sent.append(body)
        return True

    service.send = send
    channel.send(message(text="What is so. " * 400), thread=None)
    assert all(len(body) <= service.body_maxlen for body in sent)
    assert "What is so." in "".join(sent)
    assert ("rotator alerts ack" in sent[-1]) is is_whole
    assert (len(sent) > 1) is is_whole


def test_apprise_is_not_imported_before_it_is_used() -> None:
    import rotator.alerts.apprise  # noqa: PLC0415

    assert "apprise" not in vars(rotator.alerts.apprise)
