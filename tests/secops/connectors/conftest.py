"""The practice company on disk and its products over HTTP, once for all tests of this folder."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from secops.connectors.base import Connector
from secops.connectors.base import Settings as Values
from secops.practice.server import PracticeRange
from tests.secops.practice.generated_week import copy_of_last_week


@dataclass(frozen=True, kw_only=True)
class Range:
    folder: Path
    base: str
    smtp_port: int
    keys: dict[str, str]
    truth: dict[str, Any]
    running: PracticeRange

    @property
    def entra(self) -> dict[str, str]:
        return {
            "tenant": self.keys["tenant_id"],
            "client_id": self.keys["client_id"],
            "login_url": f"{self.base}/login",
        }

    @property
    def anchor(self) -> datetime:
        return datetime.fromisoformat(self.truth["anchor"])

    def story(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.truth["stories"][name]
        return found


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Range]:
    folder = tmp_path_factory.mktemp("range")
    copy_of_last_week(folder)
    running = PracticeRange(folder)
    running.start()
    yield Range(
        folder=folder / "practice",
        base=f"http://127.0.0.1:{running.port}",
        smtp_port=running.smtp_port,
        keys=json.loads((folder / "practice/credentials.json").read_text()),
        truth=json.loads((folder / "practice/truth.json").read_text()),
        running=running,
    )
    running.stop()


@pytest.fixture
def attached(practice: Range, settings: Settings) -> Callable[..., Any]:
    """Makes a connector that may reach the range: attached(Kind, values, secrets)."""
    settings.NIGHTDESK_INTERNAL_HOSTS = (
        practice.base.removeprefix("http://"),
        f"127.0.0.1:{practice.smtp_port}",
    )

    def make(kind: type[Connector], values: dict[str, Any], secrets: dict[str, str] | None = None) -> Connector:
        return kind(Values(values=kind.clean(values), secrets=secrets or {}))

    return make
