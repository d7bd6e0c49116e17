"""Paths and addresses as config.yaml writes them: relative to its own folder."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, ValidationInfo


def _folder(info: ValidationInfo) -> Path:
    context = info.context or {}
    return Path(context.get("folder", "."))


def _text(value: object) -> object:
    if isinstance(value, str) and not value.strip():
        raise ValueError("must not be empty")
    return value


def _absolute(path: Path, info: ValidationInfo) -> Path:
    try:
        return _folder(info) / path.expanduser()
    except RuntimeError:
        raise ValueError("~ stands for no home directory here; write the path out") from None


ConfiguredPath = Annotated[Path, BeforeValidator(_text), AfterValidator(_absolute)]
"""A path; a relative one is in the folder of config.yaml, `~` is the home directory."""


def _address(value: str, schemes: frozenset[str]) -> SplitResult | None:
    """The parts of a plain address; None when it is none."""
    try:
        parts = urlsplit(value)
        whole = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    spoilt = parts.query or parts.fragment or any(character.isspace() for character in value)
    return parts if whole and not spoilt else None


def _https(example: str) -> AfterValidator:
    def is_https(value: str) -> str:
        parts = _address(value, frozenset({"https"}))
        if parts is None or "@" in parts.netloc:
            raise ValueError(f"must be an address such as {example}")
        return value.rstrip("/")

    return AfterValidator(is_https)


OrgUrl = Annotated[str, _https("https://example.my.salesforce.com")]
SlackUrl = Annotated[str, _https("https://slack.com/api")]
"""https addresses without user, query and trailing slash."""


def _page(value: str) -> str:
    parts = _address(value, frozenset({"http", "https"}))
    if parts is None or "@" in parts.netloc:
        raise ValueError("must be an address such as https://rotator.example.com")
    return value.rstrip("/")


def _webhook(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_whole = bool(parts.hostname) and parts.port != 0 and not any(each.isspace() for each in value)
    except ValueError:
        is_whole = False
    if not is_whole or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)):
        raise ValueError("must be an https address, or http://localhost")
    if "@" in parts.netloc:
        raise ValueError("a password is not written into config.yaml; the signature says who calls")
    return value


_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})

WebhookUrl = Annotated[str, AfterValidator(_webhook)]
"""An https address that is called, with its query; on this machine also http."""

PublicUrl = Annotated[str, AfterValidator(_page)]
"""An http or https address under which people open pages, without user, query and trailing slash."""

_KIND: Final = "{kind}"


def _runbook(value: str) -> str:
    filled = value.replace(_KIND, "kind")
    try:
        parts = urlsplit(filled)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or _KIND not in value or any(each in '{}<>"' or each.isspace() for each in filled):
        raise ValueError("must be an address with {kind} in it, such as https://wiki.example.com/rotator/{kind}")
    return value


RunbookUrl = Annotated[str, AfterValidator(_runbook)]
"""An address with `{kind}` where the kind of an alert goes."""


def _proxy(value: str) -> str:
    parts = _address(value, frozenset({"http", "https"}))
    if parts is None:
        raise ValueError("must be an address such as http://proxy.example:3128")
    if "@" in parts.netloc:
        raise ValueError("a proxy's password is not written into config.yaml; set the variable HTTPS_PROXY instead")
    return value


ProxyUrl = Annotated[str, AfterValidator(_proxy)]
"""The address of an HTTP proxy, without user and password."""


def _host(value: str) -> str:
    try:
        ipaddress.ip_address(value.strip("[]"))
    except ValueError:
        labels = value.removesuffix(".").split(".")
        if not all(re.fullmatch(r"(?i:[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)", label) for label in labels):
            form = "the name or address of a host, such as rotator.example.com, without https:// and without a port"
            raise ValueError(f"must be {form}") from None
    return value


HostName = Annotated[str, AfterValidator(_host)]
"""A host as browsers send it in `Host`, which the port does not matter in (RFC 9110 section 7.2)."""


def _domain(value: str) -> str:
    labels = value.lower().removesuffix(".").split(".")
    if len(labels) < 2 or not all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", label) for label in labels):
        raise ValueError("must be a domain such as my.company.example, without https:// and without a port")
    return ".".join(labels)


DomainName = Annotated[str, AfterValidator(_domain)]
"""The name of a domain: it stands for itself and all names below it."""
