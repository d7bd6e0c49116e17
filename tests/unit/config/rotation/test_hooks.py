"""Hooks in config.yaml, and the mistakes that people make with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rotator.config.loading import parse
from rotator.config.rotation.hooks import CommandHookSettings, UnitHookSettings, WebhookSettings
from rotator.core.hook import Calls, HookEvent
from rotator.errors import ConfigurationError
from tests.unit.configurations import with_credentials

CONFIGURATION = with_credentials("billing", "shipping")


def hooks(text: str) -> str:
    return CONFIGURATION + f"hooks: {{after_rotation: {text}}}\n"


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        parse(hooks(text), Path("/nowhere/config.yaml"))
    return refused.value.message


def test_without_the_section_there_are_none() -> None:
    assert parse(CONFIGURATION, Path("/nowhere/config.yaml")).hooks.after_rotation == {}


def test_each_type_has_its_own_settings() -> None:
    text = """{
      a: {type: command, command: [/bin/true, --quiet], user: integration, timeout: 1m},
      b: {type: unit, restart: billing@1.service, on: [halted]},
      c: {type: webhook, url: "https://example.com/x?y=z", secret: {env: SECRET}, ca: ca.pem}}"""
    command, unit, webhook = parse(hooks(text), Path("/nowhere/config.yaml")).hooks.after_rotation.values()
    assert isinstance(command, CommandHookSettings)
    assert command.command == ("/bin/true", "--quiet")
    assert isinstance(unit, UnitHookSettings)
    assert unit.arguments == ("restart", "billing@1.service")
    assert unit.on == (HookEvent.HALTED,)
    assert isinstance(webhook, WebhookSettings)
    assert webhook.ca == Path("/nowhere/ca.pem")


def test_a_hook_is_called_for_every_credential_unless_it_names_some() -> None:
    text = "{all: {type: unit, reload: a.service}, one: {type: unit, reload: a.service, credentials: [shipping]}}"
    settings = parse(hooks(text), Path("/nowhere/config.yaml"))
    assert settings.hook_calls == [Calls("all", "billing"), Calls("all", "shipping"), Calls("one", "shipping")]
    one = settings.hooks.after_rotation["one"]
    assert one.wants(HookEvent.ROTATED, "shipping")
    assert not one.wants(HookEvent.ROTATED, "billing")
    assert not one.wants(HookEvent.HALTED, "shipping")


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        ("{a: 3}", "a", "with `type`: command, unit or webhook"),
        ("{a: {type: mail}}", "a", "with `type`: command, unit or webhook"),
        ("{a: {command: [/bin/true]}}", "a", "with `type`: command, unit or webhook"),
        ("[]", "", "must be a group of indented names"),
        ("{a: {type: command, command: [sh, -c, ls]}}", "a", "must begin with the whole path of a program"),
        ("{a: {type: command, command: /bin/true}}", "a.command", "must be a list in square brackets"),
        ("{a: {type: command, command: []}}", "a.command", "must not be empty"),
        ("{a: {type: command}}", "a.command", "it is missing"),
        ("{a: {type: command, command: [/bin/true], user: -x}}", "a.user", "must be the name of a user"),
        ("{a: {type: command, command: [/bin/true], comand: 1}}", "a.comand", "unknown key; did you mean `command`?"),
        ("{a: {type: unit}}", "a", "give exactly one of reload and restart"),
        ("{a: {type: unit, reload: a.service, restart: a.service}}", "a", "give exactly one of reload and restart"),
        ("{a: {type: unit, reload: --version}}", "a.reload", "must be the name of a unit of systemd"),
        ("{a: {type: unit, reload: billing}}", "a.reload", "must be the name of a unit of systemd"),
        ('{a: {type: webhook, url: "http://example.com", secret: {env: X}}}', "a.url", "must be an https address"),
        ('{a: {type: webhook, url: "https://a:b@c.com", secret: {env: X}}}', "a.url", "a password is not written"),
        ('{a: {type: webhook, url: "https://c.com", secret: x}}', "a.secret", "a secret is not written into"),
        ('{a: {type: webhook, url: "https://c.com"}}', "a.secret", "it is missing"),
        ("{a: {type: unit, reload: a.service, on: [rotate]}}", "a.on[0]", "must be 'rotated', 'restored'"),
        ("{a: {type: unit, reload: a.service, on: []}}", "a.on", "must not be empty"),
        ("{a: {type: unit, reload: a.service, timeout: 2h}}", "a.timeout", "must be at most 10 minutes"),
        ("{a: {type: unit, reload: a.service, credentials: [bill]}}", "a.credentials[0]", "did you mean `billing`?"),
        ("{a b: {type: unit, reload: a.service}}", "a b", "a name has letters"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(text: str, place: str, sentence: str) -> None:
    told = refusal(text)
    assert f"hooks.after_rotation{'.' + place if place else ''}: " in told
    assert sentence in told
