"""Who may see the page: nothing of it is reached without passing here."""

import re
import secrets
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

VISITOR = "crowdkit_page_visitor"
"""Key of the scope, and name of the cookie, that tells visitors apart."""

TOKEN = "crowdkit_page_token"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_VISITOR_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_YEAR = 365 * 24 * 3600
_COOKIE = "HttpOnly; SameSite=Strict; Path=/"
_OVERHEAD = 64_000
"""Bytes of a request beside the file that it brings."""

_HEADERS = {
    "content-security-policy": (
        "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'none'; "
        "base-uri 'self'; form-action 'self'; object-src 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Who may see the page.

    Attributes:
        token: What a visitor has to show once; empty on a page for this machine alone.
        most_bytes: Of a file that is sent.
    """

    token: str
    most_bytes: int


class Access:
    """Refuses requests, and tells visitors apart by a cookie.

    A request needs the token where there is one, comes from a page of this server, and brings no
    more than it may. Without a token the host must be this machine's own name, so that no page
    elsewhere can pass for it by its DNS. What passes has its visitor in the scope, under `VISITOR`.

    Args:
        app: What is behind it.
        rules: Who may see it.
    """

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        cookies = _cookies(headers)
        refusal = self._refusal(scope, headers, cookies)
        if refusal is not None:
            await _refuse(refusal, scope, receive, send)
            return
        visitor, is_new = _visitor(cookies)
        scope[VISITOR] = visitor

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    given[name] = value
                if is_new:
                    given.append("set-cookie", f"{VISITOR}={visitor}; Max-Age={_YEAR}; {_COOKIE}")
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope, headers: Headers, cookies: dict[str, str]) -> Response | None:
        """What to answer in place of the page; None where it may be seen."""
        host = headers.get("host", "")
        if not self._rules.token and urlsplit(f"//{host}").hostname not in LOOPBACK:
            return PlainTextResponse("this page is for its own machine alone", 403)
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return PlainTextResponse("a page of another server asked for this", 403)
        if self._rules.token and not _same(cookies.get(TOKEN, ""), self._rules.token):
            return self._token_refusal(scope)
        return self._size_refusal(scope, headers)

    def _token_refusal(self, scope: Scope) -> Response:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if scope["type"] == "http" and _same(query.get("token", [""])[0], self._rules.token):
            answer = RedirectResponse("/", 303)
            answer.headers["set-cookie"] = f"{TOKEN}={self._rules.token}; {_COOKIE}"
            return answer
        return PlainTextResponse(
            "open this page by the address that was printed where it was started: it ends in "
            "?token=...",
            403,
        )

    def _size_refusal(self, scope: Scope, headers: Headers) -> Response | None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            return None
        length = headers.get("content-length", "")
        if not length.isdecimal():
            return PlainTextResponse("say how long it is: Content-Length", 411)
        if int(length) > self._rules.most_bytes + _OVERHEAD:
            most = self._rules.most_bytes / 1e6
            return PlainTextResponse(f"at most {most:g} MB are taken", 413)
        return None


def new_token() -> str:
    """A token that cannot be guessed."""
    return secrets.token_urlsafe(16)


async def _refuse(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
    else:
        await answer(scope, receive, send)


def _same(given: str, expected: str) -> bool:
    return secrets.compare_digest(given.encode(), expected.encode())


def _visitor(cookies: dict[str, str]) -> tuple[str, bool]:
    """Who it is, and whether that is new."""
    known = cookies.get(VISITOR, "")
    if _VISITOR_ID.fullmatch(known):
        return known, False
    return secrets.token_urlsafe(16), True


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        jar = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}
