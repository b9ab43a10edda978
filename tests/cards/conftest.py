"""A web server in a thread."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest


@dataclass
class Server:
    """Answers with what is in ``pages``, and writes down what it was asked for."""

    pages: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    cut: bool = False
    """Promise the whole page and send half of it."""
    asked: list[str] = field(default_factory=list)
    listening: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        assert self.listening is not None
        return f"http://127.0.0.1:{self.listening.server_port}"

    def stop(self) -> None:
        if self.listening is not None:
            self.listening.shutdown()
            self.listening.server_close()
            self.listening = None


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            served.asked.append(self.path)
            self.answer(with_body=True)

        def answer(self, *, with_body: bool) -> None:
            body = served.pages.get(self.path)
            status = served.statuses.get(self.path, 404 if body is None else 200)
            body = body or b""
            self.send_response(status)
            for name, value in served.headers.get(self.path, {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body[: len(body) // 2] if served.cut else body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    served.listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=served.listening.serve_forever, daemon=True).start()
    yield served
    served.stop()
