"""What stands at the other end of an outlet: a receiver of webhooks that answers as it is told."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from secops import integrations
from secops.models import Integration

KEY = "a shared key"


class Receiver:
    """Takes what is signed as docs/webhook.md says, and nothing else. `moods` are statuses for the next requests, or
    "hang"; without any it answers 204."""

    def __init__(self) -> None:
        self.moods: list[int | str] = []
        self.got: list[dict[str, Any]] = []  # what was signed well and answered 2xx
        self.asked: list[str] = []  # the key of every request
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.answer(self)

            def log_message(self, *args: Any) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.asked.append(request.headers["Idempotency-Key"])
        mood = self.moods.pop(0) if self.moods else 204
        if mood == "hang":
            time.sleep(1)
            return
        at = request.headers["X-Nightdesk-Timestamp"]
        want = hmac.new(KEY.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        is_ours = request.headers["X-Nightdesk-Signature"] == f"sha256={want}" and abs(time.time() - int(at)) < 60
        status = int(mood) if is_ours else 401
        if status < 300:
            self.got.append(json.loads(body))
        request.send_response(status)
        if status == 429:
            request.send_header("Retry-After", "77")
        request.end_headers()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """One that the house may reach."""
    made = Receiver()
    settings.NIGHTDESK_INTERNAL_HOSTS = (*settings.NIGHTDESK_INTERNAL_HOSTS, f"127.0.0.1:{made.port}")
    yield made
    made.stop()


@pytest.fixture
def outlet(receiver: Receiver, db: None) -> Integration:
    """A webhook that leads to it, as an admin sets it up."""
    return integrations.add("webhook", "Old SIEM", {"url": f"http://127.0.0.1:{receiver.port}/cases"}, {"key": KEY})
