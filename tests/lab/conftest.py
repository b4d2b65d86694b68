"""The lab, once for all tests of a file's worker, and the connector that reaches it."""

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings as DjangoSettings

from secops.connectors.ansible import Ansible
from secops.connectors.base import Settings
from tests.lab.lab import Lab, missing


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    if why := missing():
        pytest.skip(why)
    lab = Lab(tmp_path_factory.mktemp("lab"))
    try:
        lab.start()
        yield lab
    finally:
        lab.stop()


@pytest.fixture
def ansible(lab: Lab, settings: DjangoSettings) -> Ansible:
    settings.NIGHTDESK_INTERNAL_HOSTS = lab.pairs
    values = {"inventory": lab.inventory, "known_hosts": lab.known_hosts, "user": "root", "places": "/home /srv /tmp"}
    return Ansible(Settings(values=Ansible.clean(values), secrets={"private_key": (lab.folder / "key").read_text()}))
