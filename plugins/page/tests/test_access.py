"""Nothing of the page is reached without passing its door."""

import asyncio

import pytest
from crowdkit_page.access import TOKEN, VISITOR, Access, Rules, new_token

SECRET = "a-token-that-is-long"


def ask(rules, *, kind="http", method="GET", query="", **headers):
    """Status, headers and the visitor that the page behind it saw."""
    seen, sent = [], []

    async def page(scope, receive, send):
        seen.append(scope[VISITOR])
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})

    async def receive():
        return {"type": "websocket.connect" if kind == "websocket" else "http.request"}

    async def send(message):
        sent.append(message)

    given = {"host": "127.0.0.1:8470", **{name.replace("_", "-"): v for name, v in headers.items()}}
    scope = {
        "type": kind,
        "method": method,
        "path": "/",
        "query_string": query.encode(),
        "headers": [(name.encode(), str(value).encode()) for name, value in given.items()],
    }
    asyncio.run(Access(page, rules)(scope, receive, send))
    first = sent[0]
    answered = {name.decode(): value.decode() for name, value in first.get("headers", [])}
    return first.get("status", first["type"]), answered, seen


OWN = Rules(token="", most_bytes=1000)
SHARED = Rules(token=SECRET, most_bytes=1000)


def test_a_new_visitor_gets_a_cookie_and_is_known_by_it():
    status, headers, (visitor,) = ask(OWN)
    assert status == 200
    assert headers["set-cookie"].startswith(f"{VISITOR}={visitor}; ")
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=Strict" in headers["set-cookie"]
    _, again, (known,) = ask(OWN, cookie=f"{VISITOR}={visitor}")
    assert known == visitor
    assert "set-cookie" not in again


@pytest.mark.parametrize("forged", ["../../etc", "a", "x" * 23, "x" * 21 + "/"])
def test_a_forged_visitor_is_a_new_one(forged):
    """The id becomes a folder's name."""
    _, headers, (visitor,) = ask(OWN, cookie=f'{VISITOR}="{forged}"')
    assert visitor != forged
    assert visitor in headers["set-cookie"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8470", "192.168.0.7:8470", ""])
def test_a_page_for_this_machine_has_no_other_name(host):
    status, _, seen = ask(OWN, host=host)
    assert (status, seen) == (403, [])


@pytest.mark.parametrize("host", ["localhost:8470", "127.0.0.1", "[::1]:8470"])
def test_a_page_for_this_machine_has_its_names(host):
    assert ask(OWN, host=host)[0] == 200


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("cookie", ["", f"{TOKEN}=wrong", f"{TOKEN}=", f"{TOKEN}={SECRET}x"])
def test_without_the_token_nothing_is_reached(kind, cookie):
    status, _, seen = ask(SHARED, kind=kind, cookie=cookie, host="10.0.0.5:8470")
    assert status == (403 if kind == "http" else "websocket.close")
    assert seen == []


def test_the_token_of_the_address_becomes_a_cookie():
    status, headers, seen = ask(SHARED, query=f"token={SECRET}", host="10.0.0.5:8470")
    assert (status, headers["location"], seen) == (303, "/", [])
    assert "HttpOnly" in headers["set-cookie"]
    assert ask(SHARED, cookie=headers["set-cookie"].partition(";")[0], host="10.0.0.5")[0] == 200
    assert ask(SHARED, query="token=wrong", host="10.0.0.5:8470")[0] == 403


def test_a_websocket_does_not_take_the_token_of_an_address():
    assert ask(SHARED, kind="websocket", query=f"token={SECRET}")[0] == "websocket.close"


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_pages_of_other_servers_reach_nothing(kind):
    status, _, seen = ask(OWN, kind=kind, origin="http://evil.example")
    assert status in {403, "websocket.close"}
    assert seen == []
    assert len(ask(OWN, kind=kind, origin="http://127.0.0.1:8470")[2]) == 1


@pytest.mark.parametrize(
    ("length", "status"), [("1000", 200), ("65000", 200), ("70000", 413), ("", 411), ("-5", 411)]
)
def test_what_is_sent_has_a_length_and_is_not_too_long(length, status):
    assert ask(OWN, method="POST", content_length=length)[0] == status


def test_the_page_may_ask_no_other_server():
    policy = ask(OWN)[1]["content-security-policy"]
    assert policy.startswith("default-src 'self' ")
    assert "http" not in policy
    assert "*" not in policy


def test_tokens_are_long_and_never_the_same():
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 20
