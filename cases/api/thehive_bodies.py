"""What clients of TheHive send: JSON, or a multipart with JSON in `_json` and files beside it."""

from typing import Any

import msgspec
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from rest_framework.request import Request

from cases.api.intake import body_of
from cases.intake.base import NormalObservable, RejectedError
from cases.intake.gate import decode
from cases.intake.paths import Document
from cases.intake.split import TooLargeError
from cases.intake.thehive_observables import Named, add, digests
from cases.services.later import SentFile
from secops.errors import SecopsError

JSON_PART = "_json"
SEND_FILES = (
    "a file does not go into the JSON. Send it to /alert/{id}/observable as multipart/form-data, "
    'with {"dataType": "file"} in the part _json and the file in a part named attachment'
)
encode = msgspec.json.Encoder().encode


class BodyError(SecopsError):
    """What was sent is no object, or names a file that did not come with it."""


def read_body(request: Request) -> tuple[bytes, dict[str, SentFile]]:
    """The JSON as bytes, and the files by the names of their parts."""
    if not (request.content_type or "").startswith("multipart/"):
        return body_of(request), {}
    length, most = request.META.get("CONTENT_LENGTH") or "0", settings.FILE_UPLOAD_MAX_MEMORY_SIZE
    size = int(length) if length.isdigit() else 0
    if size > most:  # files of visitors are kept in memory only, and over this they would be left out without a word
        raise TooLargeError(f"At most {most} bytes with files in one request, this one has {size}.")
    files = {name: file for name, file in request.FILES.items() if isinstance(file, UploadedFile)}
    if part := files.pop(JSON_PART, None):
        return part.read(), _sent(files)
    return str(request.POST.get(JSON_PART, "")).encode(), _sent(files)


def read_object(request: Request) -> tuple[dict[str, Any], dict[str, SentFile]]:
    """The JSON object, {} for no body at all, and the files."""
    body, files = read_body(request)
    try:
        found = decode(body)[0] if body else {}
    except RejectedError as error:
        raise BodyError(str(error)) from error
    if not isinstance(found, dict):
        raise BodyError("body: not a JSON object")
    return found, files


def with_files(body: bytes, files: dict[str, SentFile]) -> bytes:
    """The alert with each file described where it is named, so that it is read, kept and replayed as one JSON text.
    What cannot be read stays as it is: the gate says why."""
    try:
        alert = decode(body)[0]
    except RejectedError:
        return body
    if not files:
        return body
    observables = alert.get("observables") if isinstance(alert, dict) else None
    for one in observables if isinstance(observables, list) else ():
        if isinstance(one, dict) and "attachment" in one:
            one["attachment"] = described(one["attachment"], files)
    return encode(alert) if observables else body


def is_inline(item: Any) -> bool:
    """Is it an observable with the bytes of a file in its text? A new alert may have them, as thehive4py 1.8 sends
    files: they are hashed and stay in its payload. Added to an alert they would leave their hashes only."""
    if not isinstance(item, dict) or str(item.get("dataType")).strip().casefold() != "file":
        return False
    data = item.get("data")
    return any(isinstance(one, str) and one.count(";") >= 2 for one in (data if isinstance(data, list) else [data]))


def read_artifacts(artifacts: Any, stands: set[tuple[str, str]]) -> list[NormalObservable]:
    """What an update adds: all of it can be read, or BodyError names what cannot. What `stands` (type and data) is
    sent by clients that send an alert as a whole."""
    if not isinstance(artifacts, list):
        raise BodyError("artifacts: a list of objects")
    found: list[NormalObservable] = []
    for index, item in enumerate(artifacts):
        if not isinstance(item, dict):
            raise BodyError(f"artifacts[{index}]: not an object")
        one = Named()
        is_read = add(one, Document(item))
        if one.sent and one.sent <= stands:
            continue
        if is_inline(item):
            raise BodyError(f"artifacts[{index}].data: {SEND_FILES}")
        if not is_read or not one.observables.all() or one.observables.is_full:
            kind = str(item.get("dataType"))[:40]
            raise BodyError(f"artifacts[{index}]: no observable of the dataType {kind!r} can be read from it")
        found += one.observables.all()
    return found


def is_same(value: Any, stands: Any) -> bool:
    """Nothing is the same as nothing, and tags have no order."""
    if isinstance(value, list) and isinstance(stands, list):
        return sorted(map(str, value)) == sorted(map(str, stands))
    return bool(value == stands) or (not value and not stands and not isinstance(value, bool))


def described(named: Any, files: dict[str, SentFile]) -> Any:
    """What TheHive says of an attachment: name, type, size and hashes; BodyError where it did not come."""
    if isinstance(named, list):
        return [described(one, files) for one in named]
    if not isinstance(named, str):
        return named
    if named not in files:
        raise BodyError(f"attachment: no part {named[:60]!r} came with it")
    file = files[named]
    about = {"name": file.name, "contentType": file.media_type}
    return about | {"size": len(file.body), "hashes": digests(file.body)}


def _sent(files: dict[str, Any]) -> dict[str, SentFile]:
    return {
        part: SentFile(name=file.name or part, media_type=file.content_type or "", body=file.read())
        for part, file in files.items()
    }
