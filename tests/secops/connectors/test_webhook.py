"""The receiver that docs/webhook.md prints takes what is ours, and nothing else."""

import hashlib
import hmac
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from secops import egress
from secops.connectors.base import Settings as Values
from secops.connectors.webhook import Webhook
from secops.http import HttpError

DOC = Path(__file__).parents[3] / "docs/webhook.md"
CASE = {"id": "CASE-7", "title": "Ölförderung"}


@pytest.fixture
def printed(settings: Settings, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The documented code in a plain Python: its port, and what it prints."""
    (code,) = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.DOTALL)
    assert len([line for line in code.splitlines() if line]) <= 11
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    out, env = tmp_path / "out", os.environ | {"NIGHTDESK_KEY": "ours"}
    with out.open("w") as file:
        words = [sys.executable, "-I", "-c", code, str(port)]
        running = subprocess.Popen(words, env=env, stdout=file, stderr=subprocess.DEVNULL)
    settings.NIGHTDESK_INTERNAL_HOSTS = (f"127.0.0.1:{port}",)
    _await(port)
    yield port, out
    running.kill()
    running.wait()


def _await(port: int) -> None:
    for _ in range(100):
        try:
            egress.connect("127.0.0.1", port, timeout=1).close()
        except egress.EgressError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("The documented receiver does not start.")


def webhook(port: int, key: str) -> Webhook:
    return Webhook(Values(values=Webhook.clean({"url": f"http://127.0.0.1:{port}/x"}), secrets={"key": key}))


def push(port: int, key: str) -> None:
    webhook(port, key).push_case(case=CASE, text="Six answers", url="https://desk.example", number=1, key="k")


def posted(port: int, *, age: int) -> int:
    """The status for a well signed message of so many seconds ago."""
    body, at = b'{"text": "By hand"}', str(int(time.time()) - age)
    signature = hmac.new(b"ours", at.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"X-Nightdesk-Timestamp": at, "X-Nightdesk-Signature": f"sha256={signature}"}
    with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("POST", "/", body, headers)
        return connection.getresponse().status


def test_the_documented_receiver_takes_what_is_ours_and_refuses_the_rest(printed: tuple[int, Path]) -> None:
    port, out = printed

    push(port, "ours")
    with pytest.raises(HttpError) as caught:
        push(port, "theirs")
    assert [posted(port, age=age) for age in (0, 301)] == [204, 401]
    assert webhook(port, "ours").test() == "The webhook takes cases from us."

    assert caught.value.status == 401
    assert out.read_text().splitlines() == ["Six answers", "refused", "By hand", "refused", "A test: this is no case."]
