"""What Slack's refusals mean, and who can mend them (docs.slack.dev, "chat.postMessage", "Incoming webhooks")."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.alerts.base import DeliveryFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

_INSTALL: Final = (
    "Install the app in the workspace again (api.slack.com/apps, OAuth & Permissions) and put its bot token, xoxb-...,"
    " where `token` of the channel refers to."
)
_WEBHOOK: Final = (
    "Make a new incoming webhook (api.slack.com/apps, Incoming Webhooks) and put its address where `url` of the"
    " channel refers to."
)
_CHANNEL: Final = "Set `channel` to the id at the end of the Slack channel's About page, and `/invite` the app there."
_POLICY: Final = "Ask an administrator of the Slack workspace to let the app post into this Slack channel."
_SCOPE: Final = (
    "Give the app the bot scope chat:write (api.slack.com/apps, OAuth & Permissions), then install it again."
)
_ARCHIVED: Final = "Restore the Slack channel, or configure another."
_FAULT: Final = "Report it to the project: the message broke a rule of Slack's."

_LASTING: Final = (
    dict.fromkeys(("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"), _INSTALL)
    | dict.fromkeys(("not_allowed_token_type", "invalid_arg_name"), _INSTALL)
    | dict.fromkeys(("no_active_hooks", "no_service", "no_service_id", "no_team"), _WEBHOOK)
    | dict.fromkeys(("invalid_token", "team_disabled"), _WEBHOOK)
    | dict.fromkeys(("channel_not_found", "not_in_channel", "user_not_found", "team_access_not_granted"), _CHANNEL)
    | dict.fromkeys(("missing_scope", "no_permission"), _SCOPE)
    | dict.fromkeys(("action_prohibited", "posting_to_general_channel_denied", "restricted_action"), _POLICY)
    | dict.fromkeys(("restricted_action_read_only_channel", "restricted_action_thread_only_channel"), _POLICY)
    | dict.fromkeys(
        ("access_denied", "accesslimited", "ekm_access_denied", "enterprise_is_restricted", "messages_tab_disabled"),
        _POLICY,
    )
    | dict.fromkeys(("is_archived", "channel_is_archived"), _ARCHIVED)
    | dict.fromkeys(("invalid_payload", "invalid_blocks", "invalid_blocks_format", "invalid_arguments"), _FAULT)
    | dict.fromkeys(("msg_too_long", "msg_blocks_too_long", "no_text", "invalid_attachments"), _FAULT)
)
"""Refusals that only a person can mend, with what to do. Others, also unknown ones, may pass."""

NO_THREAD: Final = frozenset(
    {
        "cannot_reply_to_message",
        "cant_broadcast_message",
        "invalid_thread_ts",
        "message_not_found",
        "thread_not_found",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
    }
)
"""The thread is gone or closed: what would go into it is posted without one."""

_TOO_MANY: Final = 429
_PASSING_STATUS: Final = frozenset({408, 425, _TOO_MANY})
_LONGEST_WAIT: Final = timedelta(days=1)
_WORD: Final = re.compile(r"[a-z][a-z_]{2,60}")


def refusal(channel: str, status: int, word: str, headers: Mapping[str, str]) -> DeliveryFailed:
    """What Slack's answer means; `word` is its error code, which may be anything where no Slack answered."""
    told = word if _WORD.fullmatch(word) else ""
    if status == _TOO_MANY or told in {"ratelimited", "rate_limited", "message_limit_exceeded"}:
        return DeliveryFailed(
            f"Channel {channel}: Slack asks to send later (too many messages).",
            hint="Nothing: it is sent again when Slack said.",
            retry_after=_retry_after(headers),
        )
    hint = _LASTING.get(told, "")
    refused = 400 <= status < 500 and status not in _PASSING_STATUS
    reason = told or f"status {status}, and not Slack's words"
    return DeliveryFailed(
        f"Channel {channel}: Slack did not accept the message ({reason}).",
        hint=hint or "See slack-status.com; if it lasts, check the channel's address and what stands in between.",
        transient=not (hint or refused),
    )


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Seconds, as Slack says it (docs.slack.dev, "Rate limits")."""
    value = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    if not (value.isascii() and value.isdigit()):
        return None
    return min(timedelta(seconds=min(int(value), 10**9)), _LONGEST_WAIT)
