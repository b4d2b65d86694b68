"""ATT&CK by name: only what can be meant in one way."""

import pytest

from cases.intake.attack_names import attack_pair, attack_words, tactic_id, technique_id


@pytest.mark.parametrize(
    ("said", "tactic", "number"),
    [
        ("T1059.001", "", "T1059.001"),
        ("Regsvr32 (T1218.010)", "", "T1218.010"),
        ("MITRE_T1059_003_WIN_CMD_SHELL", "", "T1059.003"),
        ("MITRE_T1059_CMD_LINE_OR_SCRIPT_INTER", "", "T1059"),
        ("PowerShell", "Execution", "T1059.001"),
        ("OS credential dumping", "", "T1003"),
        ("Local Account", "", ""),  # two techniques bear this name
        ("Local Account", "Persistence", "T1136.001"),
        ("PowerShell", "Impact", ""),
        ("Malicious File", "Malware", ""),  # a tactic of the sender's own
        ("PUP", "", ""),
        ("T10591", "", ""),
        ("", "", ""),
        ("x" * 100_000, "y" * 100_000, ""),
    ],
)
def test_a_technique_by_id_or_name(said, tactic, number):
    assert technique_id(said, tactic) == number


@pytest.mark.parametrize("said", ["TA0001", "ta0001", "Initial Access", "InitialAccess", "initial-access"])
def test_a_tactic_by_id_or_name(said):
    assert tactic_id(said) == "TA0001"


def test_pairs_stand_together_only_where_they_were_sent_together():
    assert attack_pair("PowerShell", "Execution") == (("T1059.001", "TA0002"),)
    assert attack_pair("PUP", "Malware") == ()
    assert attack_words(["Rundll32 (T1218.011)", "Odd"], ["Impact", "Malware"]) == (("T1218.011", ""), ("", "TA0040"))
