"""ATT&CK: the official form made compact, what the package holds, and files that are none."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from secops import attack

SHARED = Path(__file__).parents[3] / "shared"


def technique(number: str, name: str, *tactics: str, **fields: Any) -> dict[str, Any]:
    phases = [{"kill_chain_name": "mitre-attack", "phase_name": tactic} for tactic in tactics]
    references = [{"source_name": "mitre-attack", "external_id": number}]
    made = {"type": "attack-pattern", "id": f"attack-pattern--{number}", "name": name}
    return made | {"external_references": references, "kill_chain_phases": phases} | fields


def actor(kind: str, number: str, name: str, **fields: Any) -> dict[str, Any]:
    references = [{"source_name": "mitre-attack", "external_id": number}]
    return {"type": kind, "id": f"{kind}--{number}", "name": name, "external_references": references} | fields


def uses(who: dict[str, Any], what: dict[str, Any], **fields: Any) -> dict[str, Any]:
    made = {"type": "relationship", "id": "relationship--1", "relationship_type": "uses"}
    return made | {"source_ref": who["id"], "target_ref": what["id"]} | fields


WEB = technique("T1071.001", "Web Protocols", "command-and-control")
PARENT = technique("T1071", "Application Layer Protocol", "command-and-control")
RUN_KEY = technique("T1547.001", "Registry Run Keys", "persistence", "privilege-escalation")
PHISH = technique("T1566", "Phishing", "initial-access")
OLD = technique("T1086", "PowerShell", "execution", revoked=True)
GROUP = actor("intrusion-set", "G9001", "Quiet Heron", aliases=["Quiet Heron", "UNC-9001"])
KIT = actor("malware", "S9001", "Marrowlink", x_mitre_aliases=["Marrowlink", "Mlink"])
TOOL = actor("tool", "S9002", "Remotehelp")
OBJECTS = [
    {"type": "x-mitre-collection", "id": "x-mitre-collection--1", "x_mitre_version": "99.1"},
    {
        "type": "x-mitre-tactic",
        "id": "x-mitre-tactic--1",
        "name": "Command and Control",
        "x_mitre_shortname": "command-and-control",
        "external_references": [{"source_name": "mitre-attack", "external_id": "TA0011"}],
    },
    *(WEB, PARENT, RUN_KEY, PHISH, OLD, GROUP, KIT, TOOL),
    *(uses(who, what) for who in (GROUP, KIT, TOOL) for what in (WEB, RUN_KEY, PHISH)),
    uses(KIT, OLD),
]


@pytest.fixture
def bundle(settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    path = tmp_path / "enterprise-attack.json"
    path.write_text(json.dumps({"type": "bundle", "id": "bundle--1", "objects": OBJECTS}))
    return path


def test_a_bundle_is_taken_and_known_from_then_on(bundle: Path) -> None:
    said = io.StringIO()

    call_command("attack", str(bundle), stdout=said)

    assert said.getvalue().strip() == "ATT&CK 99.1: 4 techniques, 1 groups, 2 pieces of software"
    found = attack.known()
    assert found is not None
    assert found.source == "ATT&CK 99.1"
    assert found.techniques["T1547.001"].tactics == ("persistence", "privilege-escalation")
    assert found.actors["S9001"].techniques == {"T1071.001", "T1547.001", "T1566"}
    assert found.named(["mlink", "nobody"]) == ["S9001"]
    assert found.tactic_of("TA0011") == found.tactic_of("command and control") == "command-and-control"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("not json", "no STIX bundle"),
        ("[]", "no STIX bundle"),
        ('{"objects": 7}', "no STIX bundle"),
        ('{"objects": [{"name": "x"}]}', "no STIX bundle"),
        ('{"objects": []}', "holds no techniques"),
    ],
)
def test_what_is_no_bundle_is_refused_and_nothing_is_kept(bundle: Path, content: str, said: str) -> None:
    bundle.write_text(content)

    with pytest.raises(CommandError, match=said) as caught:
        call_command("attack", str(bundle))

    assert caught.value.returncode == 1
    assert not attack.kept_at().exists()


def test_a_missing_file_is_said_to_be_one(bundle: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("attack", str(bundle.with_name("none.json")))


def test_the_package_holds_the_enterprise_matrix(bundle: Path) -> None:
    found = attack.known()

    assert found is not None
    assert found.source.startswith("ATT&CK in MISP galaxies")
    assert found.techniques["T1071.001"] == attack.Technique("Web Protocols", ("command-and-control",))
    assert "T1086" not in found.techniques  # revoked
    assert found.actors["S0154"].name == "Cobalt Strike"
    assert len(found.techniques) > 600
    tactics = {slug for one in found.techniques.values() for slug in one.tactics}
    assert tactics <= set(found.tactics)


def test_an_official_bundle_when_one_is_at_hand(bundle: Path) -> None:
    paths = sorted(SHARED.glob("**/enterprise-attack*.json")) if SHARED.is_dir() else []
    if not paths:
        pytest.skip("no official bundle at hand")

    found = attack.read_bundle(paths[-1])

    assert found.techniques["T1071.001"].name == "Web Protocols"
    assert sum("T1071.001" in one.techniques for one in found.actors.values()) > 100
