"""The program's session with a Vault server: a token that is renewed in time, and replaced when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rotator.errors import StoreError
from rotator.stores.refusals import STAGES_WHOLE
from rotator.stores.vault.http import LOG

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.secret import Secret
    from rotator.stores.vault.auth import Lease, VaultLogin
    from rotator.stores.vault.http import Answer, VaultHttp

_FORBIDDEN: Final = 403


class VaultSession:
    """Calls with a token; it logs in when it is first used. Not for several threads at once."""

    def __init__(self, http: VaultHttp, login: VaultLogin, before_change: Callable[[], None] = lambda: None) -> None:
        """`before_change`: see Surroundings."""
        self.http: Final = http
        self.login: Final = login
        self._before_change: Final = before_change
        self._lease: Lease | None = None
        self._since: float = 0.0

    def ask(self, call: Callable[[Any], Any]) -> Answer:
        """Makes a call; logs in again when the token has ended. A refusal in the answer is one of the policy.

        Raises StoreUnavailable when the server is away, StoreError when it gives no token.
        """
        lease = self._living()
        answer = self.http.send(call, lease.token)
        # A token that has ended and a policy that says no are answered alike.
        if answer.status != _FORBIDDEN or self._knows(lease.token):
            return answer
        again = self._begin()
        if again.token == lease.token:
            raise self._ended()
        return self.http.send(call, again.token)

    def change(self, call: Callable[[Any], Any]) -> Answer:
        """The same for what changes something. Raises as `before_change` does, too, before each request."""

        def now_or_never(client: Any) -> Any:
            self._before_change()
            return call(client)

        return self.ask(now_or_never)

    def close(self) -> None:
        """Ends what was begun: a token of this program alone is revoked, unless the server is away just now."""
        lease, self._lease = self._lease, None
        if lease and self.login.makes_tokens:
            try:
                self.http.send(lambda client: client.auth.token.revoke_self(), lease.token, repeatable=False)
            except StoreError:
                LOG.debug("the token was not revoked; it ends by itself")
        self.http.close()

    def _living(self) -> Lease:
        lease = self._lease
        if lease is None:
            return self._begin()
        age = self.http.now().timestamp() - self._since
        if not lease.seconds or age < lease.seconds / 2:
            return lease
        return self._renewed(lease, lease.seconds - age) or self._begin()

    def _renewed(self, lease: Lease, left: float) -> Lease | None:
        """The lease with more time; None where there is none to be had."""
        if not lease.renewable or left <= 0:
            return None
        answer = self.http.send(lambda client: client.auth.token.renew_self(), lease.token)
        with self.http.understood():
            seconds = answer.fields.fields("auth").number("lease_duration")
        if not answer.ok or seconds <= left:
            return None
        LOG.debug("renewed the token", extra={"seconds": seconds})
        return self._keep(type(lease)(lease.token, seconds, renewable=True))

    def _begin(self) -> Lease:
        lease = self.login.log_in(self.http)
        LOG.debug("logged in", extra={"by": self.login.words, "seconds": lease.seconds})
        return self._keep(lease)

    def _keep(self, lease: Lease) -> Lease:
        self._lease, self._since = lease, self.http.now().timestamp()
        return lease

    def _knows(self, token: Secret) -> bool:
        return self.http.send(lambda client: client.auth.token.lookup_self(), token).ok

    def _ended(self) -> StoreError:
        return StoreError(
            f"{self.http.where} does not accept {self.login.words}: it has ended or was revoked, is of another server"
            " or namespace, or may not even look itself up.",
            effect=STAGES_WHOLE,
            hint="Bring a new token; the logins `approle`, `kubernetes` and `jwt` get new ones by themselves.",
        )
