"""What config.yaml says of the daemon, its windows, its alerts and its pages."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from pydantic import BaseModel

from rotator.alerts.mail.settings import EmailSettings
from rotator.alerts.slack.settings import SlackBotSettings
from rotator.config.daemon import can_be_guessed
from rotator.config.loading import parse
from rotator.config.plugins import channel_settings
from rotator.config.secrets import SecretReference
from rotator.config.settings import Settings
from rotator.core.secret import Secret
from rotator.core.severity import Severity
from rotator.core.windows import Cron, Weekly, is_open
from rotator.entry_points import CHANNELS
from rotator.errors import ConfigurationError

EXAMPLE = Path(__file__).parents[3] / "config.yaml.example"
BERLIN = ZoneInfo("Europe/Berlin")

Read = Callable[..., Settings]
Refusal = Callable[..., str]

MAIL = "{type: email, host: smtp.example.com, sender: a@example.com, to: [b@example.com]%s}"
BOT = "{type: slack, token: {env: TOKEN}, channel: C0123%s}"


def channel(settings: str) -> str:
    return f"alerts:\n  channels:\n    team: {settings}\n"


def test_without_a_word_nobody_is_told_and_only_this_machine_sees_the_pages(settings: Read) -> None:
    read = settings()
    assert read.alerts.channels == {}
    assert [threshold.days for threshold in read.alerts.thresholds] == [60, 30, 14, 7, 3, 1]
    assert read.http
    assert read.http.is_loopback
    assert read.daemon.heartbeat is None


def test_thresholds_may_stand_in_any_order(settings: Read) -> None:
    read = settings(more="alerts: {thresholds: [1d, 90d, 12h, 90d]}\n")
    assert read.alerts.thresholds == (timedelta(days=90), timedelta(days=1), timedelta(hours=12))


def test_a_channel_says_what_it_wants_to_hear(settings: Read) -> None:
    read = settings(more=channel(BOT % ", within: 7d, least: critical, orgs: [sandbox]"))
    team = read.alerts.channels["team"]
    assert isinstance(team, SlackBotSettings)
    assert (team.within, team.least, team.orgs) == (timedelta(days=7), Severity.CRITICAL, ("sandbox",))


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_mail_goes_to_the_usual_port_unless_another_is_given(settings: Read, security: str, port: int) -> None:
    usual = settings(more=channel(MAIL % f", security: {security}")).alerts.channels["team"]
    other = settings(more=channel(MAIL % f", security: {security}, port: 2525")).alerts.channels["team"]
    assert isinstance(usual, EmailSettings)
    assert isinstance(other, EmailSettings)
    assert (usual.port, other.port) == (port, 2525)


def test_windows_are_overridden_as_a_whole(settings: Read) -> None:
    own = {"apps: [Billing]": "apps: [Billing]\n    windows: []"}
    read = settings(own, "rotation:\n  windows: [{cron: '0 2 * * sat', lasts: 2h}]\n")
    assert read.credentials["billing"].windows == ()
    assert len(read.credentials["warehouse"].windows) == 1


def test_a_weekly_window_opens_on_its_days_in_its_zone(settings: Read) -> None:
    more = "rotation:\n  windows: [{days: [sat, sun], since: '22:00', until: '04:00', zone: Europe/Berlin}]\n"
    (window,) = settings(more=more).rotation.windows
    assert window.rules() == Weekly(frozenset({5, 6}), time(22), time(4), BERLIN)
    assert is_open([window.rules()], datetime(2026, 11, 28, 21, tzinfo=UTC))


@pytest.mark.parametrize("sunday", ["0", "7", "sun"])
def test_in_a_cron_line_sunday_is_0_and_7(settings: Read, sunday: str) -> None:
    (window,) = settings(more=f"rotation:\n  windows: [{{cron: '0 2 * * {sunday}', lasts: 2h}}]\n").rotation.windows
    assert window.rules() == Cron(f"0 2 * * {sunday}", timedelta(hours=2), ZoneInfo("UTC"))
    assert is_open([window.rules()], datetime(2026, 11, 29, 3, tzinfo=UTC))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            channel("{type: slak}"),
            "alerts.channels.team.type: there is no type of channel `slak`; did you mean `slack`?",
        ),
        (channel("{type: irc}"), "`irc`; there is apprise, email, slack, slack-webhook"),
        (channel("{channel: C1}"), "alerts.channels.team.type: it is missing"),
        (channel("mail"), "alerts.channels.team: must be"),
        (channel("{type: slack, channel: C1}"), "alerts.channels.team.token: it is missing"),
        (channel("{type: slack, channel: C1, token: xoxb}"), "team.token: a secret is not written into config.yaml"),
        (channel(BOT % ", chanel: x"), "team.chanel: unknown key; did you mean `channel`?"),
        (
            channel(BOT % ", subject: x"),
            "subject: unknown key; there is api_url, ca, channel, heads, least, orgs, timeout, ",
        ),
        (channel(BOT % ", within: 0s"), "team.within: must be more than 0s"),
        (channel(BOT % ", least: loud"), "team.least: must be 'info', 'warning' or 'critical'"),
        (channel(BOT % ", orgs: [prodution]"), "orgs[0]: there is no org `prodution`; did you mean `production`?"),
        (channel(MAIL % ", port: 70000"), "team.port: must be at most 65535"),
        (channel(MAIL % ", username: me"), "team: give username and password, or neither"),
        (channel(MAIL % ", username: me, password: {env: P}, security: none"), "would send the password in the clear"),
        (channel((MAIL % "").replace("[b@example.com]", "[]")), "team.to: must not be empty"),
        (channel((MAIL % "").replace("[b@example.com]", "[b]")), "team.to[0]: must be one mail address"),
        (
            channel((MAIL % "").replace("smtp.example.com", "'a b'")),
            "team.host: must be the name or the address of a host",
        ),
        ("alerts: {thresholds: [30]}\n", "alerts.thresholds[0]: must be a duration such as 30d"),
        ("alerts: {thresholds: [0s]}\n", "alerts.thresholds[0]: must be more than 0s"),
        ("alerts: {thresholds: 30d}\n", "alerts.thresholds: must be a list in square brackets"),
        ("alerts: {longest_lifetime: 0s}\n", "alerts.longest_lifetime: must be more than 0s"),
        (
            "rotation: {windows: [{since: '9:00', until: '10:00'}]}\n",
            "windows[0].since: a time of day has the form 22:30",
        ),
        ("rotation: {windows: [{since: 22:00, until: '23:00'}]}\n", "windows[0].since: must be text"),
        ("rotation: {windows: [{days: [], since: '09:00', until: '10:00'}]}\n", "windows[0].days: must not be empty"),
        (
            "rotation: {windows: [{days: [so], since: '09:00', until: '10:00'}]}\n",
            "windows[0].days[0]: must be 'mon', 't",
        ),
        ("rotation: {windows: [{since: '09:00', until: '10:00', zone: CET/X}]}\n", "there is no time zone 'CET/X'"),
        ("rotation: {windows: [{cron: '@daily', lasts: 1h}]}\n", "must be a cron line of 5 fields"),
        (
            "rotation: {windows: [{cron: '0 0 30 2 *', lasts: 1h}]}\n",
            "must be a cron line such as '0 2 * * sat': bad day",
        ),
        ("rotation: {windows: [{cron: '0 2 * * *', lasts: 0s}]}\n", "windows[0].lasts: must be more than 0s"),
        ("rotation: {windows: [{cron: '0 2 * * *'}]}\n", "windows[0].lasts: it is missing"),
        ("daemon: {tick: 0s}\n", "daemon.tick: must be more than 0s"),
        ("daemon: {orgs_at_once: 0}\n", "daemon.orgs_at_once: must be at least 1"),
        ("daemon: {back_off: {first: 1h, ceiling: 30m}}\n", "daemon.back_off: ceiling must not be shorter than first"),
        (
            "daemon: {heartbeat: {url: https://example.com}}\n",
            "heartbeat.url: a secret is not written into config.yaml",
        ),
        ("http: {host: 0.0.0.0}\n", "http: beyond loopback it needs a token: token: {file: PATH}"),
        ("http: {host: '::'}\n", "http: beyond loopback it needs a token"),
        ("http: {host: rotator.example.com}\n", "http: beyond loopback it needs a token"),
        ("http: {host: 0.0.0.0, token: 1}\n", "http.token: "),
        ("http: {host: 0.0.0.0, token: '1'}\n", "http.token: a secret is not written into config.yaml"),
        ("http: {process: none}\n", "http.process: "),
        ("http: {process: own, reports_token: {env: TOKEN}}\n", "http: with `process: own` nothing takes reports"),
        ("http: {connections: 1}\n", "http.connections: must be at least 8"),
        ("http: {proxies: [proxy.example.com]}\n", "http.proxies"),
        ("http: {port: -1}\n", "http.port: must be at least 0"),
    ],
)
def test_a_mistake_is_one_sentence_that_says_what_to_write(refusal: Refusal, more: str, said: str) -> None:
    assert said in refusal(more=more)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_on_loopback_no_token_is_needed(settings: Read, host: str) -> None:
    pages = settings(more=f"http: {{host: '{host}'}}\n").http
    assert pages
    assert pages.is_loopback


def test_there_are_no_pages_where_the_configuration_has_none(settings: Read) -> None:
    assert settings(more="http: null\n").http is None


GOOD = (
    "JXoHUvtjpAeEBnwlLkGXCrdGtjKKyOtFqaEz1VxjWmg=",  # openssl rand -base64 32
    "0123456789abcdef0123456789abcdee",
    "295738461029384756102938475610293847561",
    "qzjvhwkxpyqmtrbsnfdlcagieuox",
)
BAD = ("1", "secret", "secret" * 20, "1" * 200, "0123456789" * 20, "0123456789abcdef0123456789abcde", "Tr0ub4dor&3")


@pytest.mark.parametrize("token", GOOD)
@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])  # noqa: S104 - the case in point
def test_a_token_that_cannot_be_guessed_is_taken(settings: Read, host: str, token: str) -> None:
    pages = settings(more=f"http: {{host: '{host}', token: {{env: PAGES}}}}\n").http
    assert pages
    assert pages.bearer_token({"PAGES": token}) == Secret(token)


@pytest.mark.parametrize("token", BAD)
def test_beyond_loopback_a_token_that_can_be_guessed_is_refused_and_it_says_how_to_make_one(
    settings: Read, token: str
) -> None:
    pages = settings(more="http: {host: 0.0.0.0, token: {env: PAGES}}\n").http
    assert pages
    with pytest.raises(ConfigurationError, match="can be guessed") as caught:
        pages.bearer_token({"PAGES": token})
    assert "openssl rand -base64 32" in caught.value.hint
    assert token not in caught.value.message or len(token) < 2


@pytest.mark.parametrize("token", BAD)
def test_on_loopback_such_a_token_is_taken(settings: Read, token: str) -> None:
    pages = settings(more="http: {token: {env: PAGES}}\n").http
    assert pages
    assert pages.bearer_token({"PAGES": token}) == Secret(token)
    assert can_be_guessed(Secret(token))


def shown() -> str:
    """The example's sections from `daemon` on, with every option that is commented out put in force."""
    text = EXAMPLE.read_text()
    option = re.compile(r"^(?:  )*(?:- )?[a-z_-]+:( |$)")
    lines = []
    for line in text[text.index("\n# How `rotator run` works.") :].splitlines():
        while "# " in line and not option.match(line):
            line = line.replace("# ", "", 1)  # noqa: PLW2901 - one sign after the other is taken away
        lines += [line] if option.match(line) else []
    return "\n".join(lines)


def options(model: type[BaseModel]) -> set[str]:
    return set(model.model_fields)


def test_every_option_that_the_example_shows_in_comments_is_sound(sound: str) -> None:
    text = shown().replace("  channels: {}\n", "")
    read = parse(sound + text, EXAMPLE)
    assert {channel.type for channel in read.alerts.channels.values()} == set(CHANNELS.built_in)
    assert read.daemon.heartbeat is not None
    assert read.http
    assert read.http.token == SecretReference(systemd="http-token")
    for section in (read.daemon, read.daemon.back_off, read.daemon.heartbeat, read.alerts, read.http):
        for option in options(type(section)):
            assert re.search(rf"\b{option}:", text), option
    for kind in CHANNELS.built_in:
        for option in options(channel_settings(kind)):
            assert re.search(rf"\b{option}:", EXAMPLE.read_text()), (kind, option)


def test_the_defaults_that_the_example_shows_are_the_defaults(sound: str) -> None:
    plain, usual = parse(EXAMPLE.read_text(), EXAMPLE), parse(sound, EXAMPLE)
    assert (plain.daemon, plain.alerts, plain.http) == (usual.daemon, usual.alerts, usual.http)


def test_the_windows_that_the_example_shows_are_sound(settings: Read) -> None:
    lines = EXAMPLE.read_text().splitlines()
    start = lines.index("  # windows:")
    text = "\n".join(line.removeprefix("  # ") for line in lines[start : start + 4])
    found: dict[str, Any] = yaml.safe_load(text)
    assert len(settings(more=yaml.safe_dump({"rotation": found})).rotation.windows) == 2


SLACK = "alerts:\n  channels:\n    team: {type: slack, token: {env: T}, channel: QUOTED}\n"


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (SLACK.replace("QUOTED", "#alerts"), 3),
        ("alerts:\n  channels:\n    team:\n      type: slack\n      token: {env: T}\n      channel: #alerts\n", 6),
    ],
    ids=["in braces", "on a line of its own"],
)
def test_a_channel_that_became_a_comment_is_told_with_its_line(
    refusal: Callable[..., str], sound: str, more: str, line: int
) -> None:
    said = refusal({}, more)
    assert "a `#` after a blank begins a comment, so that the value is missing; put it in quotes" in said
    assert f"config.yaml:{len(sound.splitlines()) + line}:" in said


def test_a_channel_in_quotes_and_a_comment_after_a_value_are_fine(settings: Callable[..., Settings]) -> None:
    assert settings({}, SLACK.replace("QUOTED", '"#alerts"') + "# channel: #old\n").alerts.channels
