"""What people type in a command line, which may be wrong in itself, and what they are asked there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rotator.errors import ConfigurationError

if TYPE_CHECKING:
    from rotator.config.secrets import SecretReference


class Text(click.ParamType[str]):
    """A word that a database can be asked for: one that is no UTF-8 comes as a text that none can be sent (PEP 383)."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As it was typed. Fails as a usage mistake."""
        try:
            value.encode()
        except UnicodeEncodeError:
            self.fail(f"{value!a} is no text in UTF-8.", param, ctx)
        return value


def wrong_input(message: str, hint: str) -> ConfigurationError:
    """The error for what cannot be meant, found before anything was begun."""
    return ConfigurationError(message, effect="Nothing was touched.", hint=hint)


def meant(reason: str, hint: str) -> str:
    """A reason that says something. Raises ConfigurationError."""
    if not reason.strip():
        raise wrong_input("--reason is empty.", hint)
    return reason.strip()


def somebody_is_there() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(question: str) -> None:
    """Raises ConfigurationError when the answer is no."""
    if not click.confirm(question, err=True):
        raise wrong_input("It was not confirmed.", "`--dry-run` shows what would be done.")


def password_in(variable: str) -> SecretReference:
    """The password that `--password-env` names. Raises ConfigurationError for what can be no variable's name."""
    from rotator.config.secrets import SecretReference  # noqa: PLC0415 - not for a usage mistake

    try:
        return SecretReference(env=variable)
    except ValueError:
        raise wrong_input(
            f"--password-env: {variable!a} can be no name of an environment variable.",
            "Give the name of the variable that holds the password, such as KEY_PASSWORD.",
        ) from None
