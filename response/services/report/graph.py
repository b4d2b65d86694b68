"""Who touched what: people, servers, devices, files and targets as nodes, and one verb between two of them."""

from typing import Any

from cases.choices import Role
from cases.models import AlertObservable, Case
from response.services.report.facts import findings

Row = dict[str, Any]
MOST_OF_A_KIND = 7  # nodes; the others of the same kind and edges become one
MOST_LINKS = 400
COLUMNS = {"person": 0, "server": 0, "device": 1, "file": 2, "target": 2}  # no line runs behind a box
VERBS = {  # of what an alert names: what it is and the verb
    Role.DESTINATION: ("target", "talks to"),
    Role.FILE: ("file", "has"),
    Role.PROCESS: ("file", "runs"),
    Role.REGISTRY: ("file", "changes"),
}
PERSON_VERBS = {"owner": "owns", "logged_on": "signed in on", "actor": "acts on"}
RANK = {"malicious": 0, "suspicious": 1}


class Graph:
    """Nodes by id and edges, each once."""

    def __init__(self) -> None:
        self.nodes: dict[str, Row] = {}
        self.edges: dict[tuple[str, str], Row] = {}

    def node(self, kind: str, name: str, **facts: Any) -> str:
        pk = f"{kind}:{name}"
        self.nodes.setdefault(
            pk, {"id": pk, "column": COLUMNS[kind], "kind": kind, "name": name, "note": "", "tone": ""}
        )
        self.nodes[pk] |= {key: value for key, value in facts.items() if value}
        return pk

    def edge(self, left: str, right: str, verb: str, source: str) -> None:
        known = self.edges.setdefault((left, right), {"from": left, "to": right, "verb": verb, "source": source})
        if verb not in known["verb"]:
            known["verb"] += f", {verb}"


def graph(case: Case, whole: Row) -> Row:
    """{nodes, edges, left_out}: at most so many of each kind, the worst ones first."""
    found = Graph()
    devices = [_device(found, one) for one in whole["devices"]]
    first = devices[0] if devices else ""
    _people(found, whole)
    _observables(found, case, first)
    if first:
        _servers(found, whole, first)
        _hits(found, whole, first)
    return _collapsed(found)


def _device(found: Graph, one: Row) -> str:
    state = one["state"].replace("_", " ")
    tone = "isolated" if one["state"] in ("isolated", "imaged") else "open" if one["state"] == "suspected" else ""
    return found.node("device", one["name"], note=state, tone=tone)


def _people(found: Graph, whole: Row) -> None:
    """An owner to what they own; who acted or was signed in to the first device, where the alert came from."""
    owners = {one["owner"]: f"device:{one['name']}" for one in whole["devices"] if one["owner"]}
    first = f"device:{whole['devices'][0]['name']}" if whole["devices"] else ""
    for one in whole["people"]:
        name = one["name"] or one["login"] or one["upn"]
        device = owners.get(one["login"], "") if one["role"] == "owner" else first
        person = found.node("person", name, note=one["login"] or "")
        if device:
            found.edge(
                person, device, PERSON_VERBS.get(one["role"], one["role"].replace("_", " ")), "directory and logs"
            )


def _observables(found: Graph, case: Case, first: str) -> None:
    """What the alerts name, at the device of the same alert."""
    links = (
        AlertObservable.objects.filter(alert__case=case, role__in=VERBS)
        .values_list(
            *("alert__device__name", "role", "observable__kind", "observable__value", "observable__verdict"),
            "alert__source",
        )
        .order_by("pk")[:MOST_LINKS]
    )
    for device, role, kind, value, verdict, source in links:
        left = f"device:{device}" if f"device:{device}" in found.nodes else first
        node, verb = VERBS[Role(role)]
        right = found.node(node, value, note=kind.replace("_", " "), tone=verdict)
        if left:
            found.edge(left, right, verb, source)


def _servers(found: Graph, whole: Row, first: str) -> None:
    for one in findings(whole, "internal_sources"):
        for source in one["data"].get("sources", []):
            tone = "suspicious" if source.get("is_unusual") else ""
            server = found.node("server", source["name"], note="inside server", tone=tone)
            found.edge(server, first, "gives data to", one["connector"])


def _hits(found: Graph, whole: Row, first: str) -> None:
    """Devices that a hunt found: the file that it looked for lies there too."""
    hunted = [f"device:{one['name']}" for one in whole["devices"] if one["reason"] == "hunt"]
    for one in findings(whole, "file_elsewhere"):
        file = found.node("file", one["subject"], note="file hash", tone="malicious" if hunted else "")
        for device in [first, *hunted]:
            found.edge(device, file, "has", one["connector"])


def _collapsed(found: Graph) -> Row:
    """The worst of each kind; the rest of it becomes one node that says how many."""
    kept: dict[str, str] = {}
    left_out = 0
    for kind in COLUMNS:
        nodes = [one for one in found.nodes.values() if one["kind"] == kind]
        nodes.sort(key=lambda one: (RANK.get(one["tone"], 2), list(found.nodes).index(one["id"])))
        rest = nodes[MOST_OF_A_KIND:] if len(nodes) > MOST_OF_A_KIND + 1 else []
        left_out += len(rest)
        for one in nodes:
            kept[one["id"]] = f"more:{kind}" if one in rest else one["id"]
        if rest:
            found.nodes[f"more:{kind}"] = rest[0] | {
                "id": f"more:{kind}",
                "name": f"{len(rest)} more",
                "note": "see the observables",
                "tone": "",
            }
    edges: dict[tuple[str, str], Row] = {}
    for one in found.edges.values():
        left, right = kept[one["from"]], kept[one["to"]]
        said = {"from_name": _called(found.nodes[left]), "to_name": _called(found.nodes[right])}
        edges.setdefault((left, right), one | {"from": left, "to": right} | said)
    shown = set(kept.values())
    return {
        "nodes": [one for pk, one in found.nodes.items() if pk in shown],
        "edges": list(edges.values()),
        "left_out": left_out,
    }


def _called(node: Row) -> str:
    return f"{node['kind']} {node['name']}"
