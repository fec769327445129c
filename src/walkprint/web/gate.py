"""What every request passes: host, origin, token, rate, size; and the headers of every answer."""

import asyncio
import hmac
import ipaddress
import json
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from walkprint.web.limits import Limits
from walkprint.web.metrics import Metrics

API = "/api/v1/"
UPLOADS = frozenset({f"{API}people", f"{API}identify"})
_OPEN = frozenset({f"{API}openapi.json"})
_JSON_BYTES, _FORM_BYTES, _MEGABYTE = 1 << 16, 1 << 16, 10**6
_BODY_WAIT_S, _WRONG_TOKENS_HZ, _BURST_S, _ADDRESSES = 30.0, 0.5, 4.0, 10_000
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
_HEADERS = {
    "content-security-policy": _CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class _RefusedError(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Buckets:
    """A token bucket for each address.

    Args:
        rate_hz: how fast it fills.
        burst: how much it holds.
    """

    def __init__(self, rate_hz: float, burst: float) -> None:
        self._rate_hz, self._burst = rate_hz, max(burst, 1.0)
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, address: str) -> bool:
        """Whether one more is allowed."""
        if len(self._left) > _ADDRESSES:
            self._left.clear()
        now = time.monotonic()
        left, before = self._left.get(address, (self._burst, now))
        left = min(self._burst, left + (now - before) * self._rate_hz)
        self._left[address] = (left - 1 if left >= 1 else left, now)
        return left >= 1


class Gate:
    """ASGI middleware around the whole application.

    Args:
        app: behind it.
        token: that every request to the API must bring.
        limits: of size and rate.
        local: whether only names of this machine are hosts.
        metrics: hears of each answer.
    """

    def __init__(self, app: App, *, token: str, limits: Limits, local: bool, metrics: Metrics) -> None:
        self._app, self._token, self._local, self._metrics = app, token.encode(), local, metrics
        self._upload_bytes = limits.upload_mb * _MEGABYTE + _FORM_BYTES
        self._requests = Buckets(limits.requests_hz, limits.requests_hz * _BURST_S)
        self._wrong = Buckets(_WRONG_TOKENS_HZ, 10)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False
        found: list[_RefusedError] = []  # while the body came; the application may have its own words for it

        async def sent(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                if found:
                    raise found.pop()
                begun = True
                self._metrics.answered(scope, message["status"])
                message["headers"] = [*message.get("headers", ()), *_headers(scope["path"])]
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, self._bounded(scope, receive, found), sent)
        except _RefusedError as refused:
            found.clear()
            if not begun:
                await _answer(sent, refused)

    def _check(self, scope: MutableMapping[str, Any]) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if self._local and not is_local(re.sub(r":\d+$", "", host).strip("[]")):
            raise _RefusedError(421, "this server answers to 127.0.0.1 and localhost only")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            raise _RefusedError(403, "requests from pages of other origins are refused")
        if not scope["path"].startswith(API) or scope["path"] in _OPEN:
            return
        address = (scope.get("client") or ("",))[0]
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            status = 401 if self._wrong.take(address) else 429
            raise _RefusedError(status, "the token is missing or wrong; send it as Authorization: Bearer TOKEN")
        if not self._requests.take(address):
            raise _RefusedError(429, "too many requests from your address; wait a second")
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._most(scope):
            raise self._too_large(scope)

    def _most(self, scope: MutableMapping[str, Any]) -> int:
        return self._upload_bytes if scope["path"] in UPLOADS else _JSON_BYTES

    def _too_large(self, scope: MutableMapping[str, Any]) -> _RefusedError:
        return _RefusedError(413, f"the request is too large; at most {self._most(scope):,} bytes are taken")

    def _bounded(self, scope: MutableMapping[str, Any], receive: Receive, found: list[_RefusedError]) -> Receive:
        """`receive`, which counts the bytes of the body and does not wait for ever."""
        count, more = 0, True

        async def bounded() -> Message:
            nonlocal count, more
            if not more:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), _BODY_WAIT_S)
            except TimeoutError:
                found.append(_RefusedError(408, "the request stalled"))
                raise found[-1] from None
            count += len(message.get("body", b""))
            more = bool(message.get("more_body", False))
            if count > self._most(scope):
                found.append(self._too_large(scope))
                raise found[-1]
            return message

        return bounded


def is_local(host: str) -> bool:
    """Whether a name or address is this machine's own, which no other machine can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _headers(path: str) -> list[tuple[bytes, bytes]]:
    headers = _HEADERS | {"cache-control": "no-store" if path.startswith(API) else "no-cache"}
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _answer(send: Send, refused: _RefusedError) -> None:
    body = json.dumps({"detail": refused.detail}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(b"retry-after", b"1")] if refused.status == 429 else []
    headers += [(b"www-authenticate", b"Bearer")] if refused.status == 401 else []
    headers += [(b"connection", b"close")] if refused.status in {408, 413} else []
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
