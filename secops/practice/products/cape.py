"""CAPE sandbox, REST API v2: files handed over as tasks, their states, and the reports of what they did.

The range runs nothing: a file that its intelligence knows gets the behaviour that stands there, any other a report in
which nothing happened.
"""

import hashlib
import hmac
import json
import threading
from typing import Any

from werkzeug.wrappers import Request, Response

from secops.practice.products.product import Product, json_answer
from secops.practice.products.world import Record, World, moment_of, replace, rfc3339

PENDING_SECONDS, RUNNING_SECONDS, REPORT_SECONDS = 1.0, 4.0, 5.0  # since the task was added: then it is reported
REASONS = {
    401: "Authentication credentials were not provided.",
    404: "Not found.",
    405: "Method not allowed.",
    413: "File is too large.",
    429: "Request was throttled.",
}
SEVERITY = {"LOW": 1, "MEDIUM": 2, "HIGH": 3}


class Cape(Product):
    """/cape/apiv2/... with a token. Most of its refusals are a 200 that says error; the account may ask often, where
    the product's default is 5 a minute."""

    prefix = "/cape"
    limits = {"account": ((120, 60),)}
    routes = [
        ("POST", "/apiv2/tasks/create/file/", "create"),
        ("GET", "/apiv2/tasks/search/sha256/<value>/", "search"),
        ("GET", "/apiv2/tasks/view/<int:number>/", "view"),
        ("GET", "/apiv2/tasks/get/report/<int:number>/", "report"),
        ("GET", "/apiv2/tasks/get/report/<int:number>/<kind>/", "report"),
        ("GET", "/apiv2/cuckoo/status/", "status"),
    ]

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._path = world.folder / "cape.json"
        self._lock = threading.Lock()

    def guard(self, request: Request) -> None:
        wanted = f"Token {self.world.credentials['cape_token']}"
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), wanted.encode()):
            raise self.refuse(401)
        self.count("account", wanted)

    def error(self, status: int, message: str = "", *, code: str = "", retry_after: int = 0) -> Response:
        text = message or REASONS.get(status, "Internal server error.")
        if retry_after:
            text = f"{text} Expected available in {retry_after} seconds."
        headers = {"Retry-After": str(retry_after)} if retry_after else None
        return json_answer({"detail": text}, status, headers=headers)

    def create(self, request: Request) -> Response:
        sent = request.files.get("file")
        if sent is None:
            return _refused("No file was submitted")
        content = sent.read()
        sent.close()
        if not content:
            return _refused("Empty file")
        with self._lock:
            tasks = self._tasks()
            task = {
                "id": len(tasks) + 1,
                "sha256": hashlib.sha256(content).hexdigest(),
                "name": sent.filename or "sample",
                "size": len(content),
                "custom": request.form.get("custom", ""),
                "route": request.form.get("route", ""),
                "added_on": rfc3339(self.world.now()),
            }
            replace(self._path, [*tasks, task])
        data = {"task_ids": [task["id"]], "message": f"Task ID(s) {task['id']} has been submitted"}
        return json_answer({"error": [], "data": data, "errors": [], "url": [f"/submit/status/{task['id']}/"]})

    def search(self, request: Request, value: str) -> Response:
        found = [self._view(task) for task in self._tasks() if task["sha256"] == value.lower()]
        return json_answer({"error": False, "data": found})

    def view(self, request: Request, number: int) -> Response:
        task = self._task(number)
        return (
            _refused("Task not found in database")
            if task is None
            else json_answer({"error": False, "data": self._view(task)})
        )

    def report(self, request: Request, number: int, kind: str = "json") -> Response:
        task = self._task(number)
        if task is None:
            return _refused("Task does not exist")
        if kind != "json":
            return _refused("Invalid report format specified")
        if self._state(task) != "reported":
            return _refused("Task is still being analyzed")
        return json_answer(_report(task, self.world.known("intel", "file")))

    def status(self, request: Request) -> Response:
        tasks = [self._state(task) for task in self._tasks()]
        return json_answer(
            {"error": False, "data": {"version": "2.4-CAPE", "tasks": {"reported": tasks.count("reported")}}}
        )

    def _tasks(self) -> list[Record]:
        kept: list[Record] = json.loads(self._path.read_bytes()) if self._path.exists() else []
        return kept

    def _task(self, number: int) -> Record | None:
        return next((task for task in self._tasks() if task["id"] == number), None)

    def _view(self, task: Record) -> Record:
        return {
            "id": task["id"],
            "target": f"/tmp/cape/{task['name']}",  # noqa: S108 - text of an answer
            "category": "file",
            "custom": task["custom"],
            "route": task["route"],
            "added_on": task["added_on"][:19].replace("T", " "),
            "status": self._state(task),
            "sample": {"sha256": task["sha256"], "file_size": task["size"]},
        }

    def _state(self, task: Record) -> str:
        age = (self.world.now() - moment_of(task["added_on"])).total_seconds()
        steps = ((PENDING_SECONDS, "pending"), (RUNNING_SECONDS, "running"), (REPORT_SECONDS, "completed"))
        return next((word for until, word in steps if age < until), "reported")


def _refused(text: str) -> Response:
    return json_answer({"error": True, "error_value": text})


def _report(task: Record, files: Record) -> Record:
    """report.json, as far as anybody reads it; empty where the range knows nothing of the file."""
    known: Record = files.get(task["sha256"], {})
    seen: list[Record] = known.get("behaviours", [])
    names = known.get("popular_threat_classification", {}).get("popular_threat_name", [])
    hosts = [one["destination_ip"] for report in seen for one in report.get("ip_traffic", [])]
    lookups = [one for report in seen for one in report.get("dns_lookups", [])]
    return {
        "info": {"id": task["id"], "version": "2.4-CAPE", "route": task["route"], "custom": task["custom"]},
        "target": {
            "category": "file",
            "file": {
                "name": task["name"],
                "sha256": task["sha256"],
                "size": task["size"],
                "tlsh": known.get("tlsh", False),
            },
        },
        "malscore": 10.0 if seen else 0.0,
        "detections": [{"family": names[0]["value"].title()}] if names else [],
        "signatures": [_signature(one) for report in seen for one in report.get("signature_matches", [])],
        "ttps": [
            {"signature": one["signature_description"], "ttps": [one["id"]]}
            for report in seen
            for one in report.get("mitre_attack_techniques", [])
        ],
        "dropped": _dropped(known, seen, files),
        "network": {
            "hosts": [{"ip": one, "country_name": "unknown"} for one in dict.fromkeys(hosts)],
            "domains": [{"domain": one["hostname"], "ip": (one["resolved_ips"] or [""])[0]} for one in lookups],
        },
        "behavior": {
            "summary": {
                "write_files": [path for report in seen for path in report.get("files_written", [])],
                "write_keys": [one["key"] for report in seen for one in report.get("registry_keys_set", [])],
                "executed_commands": [one for report in seen for one in report.get("processes_created", [])],
                "mutexes": [one for report in seen for one in report.get("mutexes_created", [])],
            }
        },
    }


def _signature(one: Record) -> Record:
    return {
        "name": one["name"],
        "description": one["description"],
        "severity": SEVERITY.get(one.get("severity", ""), 1),
    }


def _dropped(known: Record, seen: list[Record], files: Record) -> list[dict[str, Any]]:
    """Each dropped file with its hash, in the order in which the range knows both."""
    paths = [one["path"] for report in seen for one in report.get("files_dropped", [])]
    hashes = known.get("dropped_files", [])
    return [
        {
            "name": [path.rsplit("\\", 1)[-1]],
            "guest_paths": [path],
            "sha256": hashes[number] if number < len(hashes) else "",
            "tlsh": files.get(hashes[number], {}).get("tlsh", False) if number < len(hashes) else False,
        }
        for number, path in enumerate(paths)
    ]
