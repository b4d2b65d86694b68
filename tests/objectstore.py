"""A real object store for the tests: OpenStack Swift with its S3 API, started once for whoever asks for it."""

import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from secops.http import HttpClient
from secops.s3 import Bucket, Objects

CHILD = Path(__file__).with_name("objectstore_child.py")
PYTHON = "/usr/bin/python3"  # Debian's own: the server is the package python3-swift
PACKAGE = Path("/usr/lib/python3/dist-packages/swift")
REGION, KEY_ID, SECRET = "eu-test-1", "house:writer", "a-secret"
_numbers = count(1)


class Server:
    """It checks signatures and the hashes of what it is sent, has multipart uploads and versions."""

    def __init__(self, port: int) -> None:
        self.pair = f"127.0.0.1:{port}"
        self.endpoint = f"http://{self.pair}"

    def bucket(self, name: str, **changes: str) -> Bucket:
        known = {"endpoint": self.endpoint, "name": name, "region": REGION, "key_id": KEY_ID, "secret": SECRET}
        return Bucket(**(known | changes))

    def objects(self, name: str, **changes: str) -> Objects:
        return Objects(self.bucket(name, **changes), HttpClient())

    def make(self) -> str:
        """A new, empty bucket: its name. No product code makes one."""
        name = f"evidence-{next(_numbers)}"
        self.objects(name)._ask("PUT", "")
        return name


@pytest.fixture(scope="session")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not PACKAGE.exists():
        pytest.skip("python3-swift is not installed")
    folder = tmp_path_factory.mktemp("swift")
    command = [PYTHON, str(CHILD), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        port = child.stdout.readline()
        assert port, "the object store did not start"
        yield Server(int(port))


@pytest.fixture
def objectstore(_server: Server, settings: Any) -> Server:
    """The server, which this house may reach."""
    settings.NIGHTDESK_INTERNAL_HOSTS = (*settings.NIGHTDESK_INTERNAL_HOSTS, _server.pair)
    return _server


@pytest.fixture
def bucket(objectstore: Server, settings: Any) -> Objects:
    """Evidence goes into a new bucket."""
    name = objectstore.make()
    settings.EVIDENCE_STORE = f"s3://{name}/house"
    settings.S3_ENDPOINT, settings.S3_REGION = objectstore.endpoint, REGION
    settings.S3_KEY_ID, settings.S3_SECRET_KEY = KEY_ID, SECRET
    return objectstore.objects(name)
