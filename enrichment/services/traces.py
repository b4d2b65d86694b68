"""Which of our questions would show the trace of an ATT&CK technique."""

from enrichment.questions.base import Question, questions

TRACES = {  # question: techniques and families of them
    "traffic_pattern": "T1001 T1008 T1071 T1090 T1095 T1102 T1132 T1568 T1571 T1572 T1573",
    "volume": "T1011 T1020 T1029 T1030 T1041 T1048 T1567",
    "port_scan": "T1018 T1046 T1595",
    "inbound_connections": "T1021 T1133 T1210 T1563",
    "inbound_transfer": "T1105 T1189",
    "internal_sources": "T1005 T1039 T1074 T1119 T1135 T1213",
    "web_requests": "T1566 T1598",
    "signed_in": "T1078 T1110 T1550",
    "hygiene": "T1211 T1562 T1685 T1686",
    "standard_software": "T1072 T1219",
    "recent_changes": "T1037 T1053 T1098 T1112 T1136 T1176 T1197 T1505 T1543 T1546 T1547 T1564 T1574",
    "connecting_program": "T1036 T1047 T1055 T1059 T1106 T1127 T1129 T1202 T1218 T1569",
    "file_reputation": "T1027 T1204 T1553",
    "file_elsewhere": "T1080 T1570",
    "removable_media": "T1025 T1052 T1091 T1092",
}
_BY_TECHNIQUE = {technique: slug for slug, every in TRACES.items() for technique in every.split()}


def question_for(technique: str) -> type[Question] | None:
    """The question whose answer would show it; None when none of ours would."""
    slug = _BY_TECHNIQUE.get(technique) or _BY_TECHNIQUE.get(technique.partition(".")[0], "")
    return questions.get(slug)
