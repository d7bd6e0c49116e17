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


def _address(value: str) -> SplitResult | None:
    """The parts of an http or https address; None when it is none."""
    try:
        parts = urlsplit(value)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_whole and not any(character.isspace() for character in value) else None


def _plain(value: str) -> SplitResult | None:
    """The same of an address without query and fragment."""
    parts = _address(value)
    return None if parts is None or parts.query or parts.fragment else parts


def _page(example: str, *schemes: str) -> AfterValidator:
    def is_page(value: str) -> str:
        parts = _plain(value)
        if parts is None or parts.scheme not in schemes or "@" in parts.netloc:
            raise ValueError(f"must be an address such as {example}")
        return value.rstrip("/")

    return AfterValidator(is_page)


OrgUrl = Annotated[str, _page("https://example.my.salesforce.com", "https")]
SlackUrl = Annotated[str, _page("https://slack.com/api", "https")]
"""https addresses without user, query and trailing slash."""

PublicUrl = Annotated[str, _page("https://rotator.example.com", "http", "https")]
"""An http or https address under which people open pages, without user, query and trailing slash."""


def _webhook(value: str) -> str:
    parts = _address(value)
    if parts is None or not (parts.scheme == "https" or parts.hostname in _THIS_MACHINE):
        raise ValueError("must be an https address, or http://localhost")
    if "@" in parts.netloc:
        raise ValueError("a password is not written into config.yaml; the signature says who calls")
    return value


_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})

WebhookUrl = Annotated[str, AfterValidator(_webhook)]
"""An https address that is called, with its query; on this machine also http."""

_KIND: Final = "{kind}"


def _runbook(value: str) -> str:
    filled = value.replace(_KIND, "kind")
    if _address(filled) is None or _KIND not in value or any(each in '{}<>"' for each in filled):
        raise ValueError("must be an address with {kind} in it, such as https://wiki.example.com/rotator/{kind}")
    return value


RunbookUrl = Annotated[str, AfterValidator(_runbook)]
"""An address with `{kind}` where the kind of an alert goes."""


def _proxy(value: str) -> str:
    parts = _plain(value)
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
