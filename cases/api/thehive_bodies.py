"""What clients of TheHive send: JSON, or a multipart with JSON in `_json` and files beside it."""

from typing import Any

import msgspec
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from rest_framework.request import Request

from cases.api.intake import body_of
from cases.intake.base import RejectedError
from cases.intake.gate import decode
from cases.intake.split import TooLargeError
from cases.intake.thehive_observables import digests
from cases.services.later import SentFile
from secops.errors import SecopsError

JSON_PART = "_json"
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
        alert = decode(body)[0] if files else None
    except RejectedError:
        return body
    observables = alert.get("observables") if isinstance(alert, dict) else None
    for one in observables if isinstance(observables, list) else ():
        if isinstance(one, dict) and "attachment" in one:
            one["attachment"] = described(one["attachment"], files)
    return encode(alert) if observables else body


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
