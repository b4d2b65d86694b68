"""One bucket of an object store that speaks Amazon's S3 API: signed requests through the one door.

Path-style, so that a store without a name of its own for each bucket will do. Every body is signed with its SHA-256
(Signature Version 4), so the store refuses what arrives changed. The facts are those of the Amazon S3 API Reference;
where a store answers otherwise, the method says so.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from math import inf
from time import monotonic
from typing import Any
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from requests_aws4auth import AWS4Auth

from secops.errors import SecopsError
from secops.http import Answer, HttpClient, HttpError

READ_SECONDS = 86_400.0  # of one download: the largest images of the day
AGAIN_SECONDS = 1.0  # a kept connection that was closed meanwhile fails sooner, and is not held against the store
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(?:[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*)?")
_ENDPOINT = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?")
_CODE = re.compile(r"[A-Za-z]{1,40}")
WORDS = {  # the store's codes that a person can do something about
    "NoSuchBucket": "there is no such bucket",
    "AccessDenied": "the access key may not do this",
    "InvalidAccessKeyId": "the access key is not known",
    "SignatureDoesNotMatch": "the secret key is wrong",
    "RequestTimeTooSkewed": "the clock of this machine is wrong",
    "AuthorizationHeaderMalformed": "the region is wrong",
    "PermanentRedirect": "the bucket is at another endpoint",
}


class StoreAwayError(SecopsError):
    """The object store cannot be reached or refuses; its text says which. What was to be kept is not, so far.

    `code` is the store's own word; empty when it said none.
    """

    status_code = 503

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Where, and as whom. `endpoint` is `https://host` or `http://host:port`, without a path."""

    endpoint: str
    name: str
    region: str
    key_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an upload that is there; `size` in bytes."""

    etag: str
    size: int


def configured() -> tuple[Bucket, str]:
    """The bucket of NIGHTDESK_EVIDENCE_STORE and the prefix in it; ImproperlyConfigured says what is wrong."""
    where = urlsplit(settings.EVIDENCE_STORE)
    if where.scheme != "s3" or not _NAME.fullmatch(where.netloc) or where.query or where.fragment:
        raise ImproperlyConfigured("NIGHTDESK_EVIDENCE_STORE must be s3://bucket or s3://bucket/prefix.")
    prefix = where.path.strip("/")
    if not _PREFIX.fullmatch(prefix):
        raise ImproperlyConfigured("The prefix in NIGHTDESK_EVIDENCE_STORE has letters, digits, '-', '_' and '/' only.")
    if not settings.S3_KEY_ID or not settings.S3_SECRET_KEY:
        raise ImproperlyConfigured("The evidence store needs NIGHTDESK_S3_KEY_ID and NIGHTDESK_S3_SECRET_KEY.")
    endpoint = settings.S3_ENDPOINT or f"https://s3.{settings.S3_REGION}.amazonaws.com"
    if not _ENDPOINT.fullmatch(endpoint):
        raise ImproperlyConfigured("NIGHTDESK_S3_ENDPOINT must be https://host, with a port if it has one of its own.")
    bucket = Bucket(
        endpoint=endpoint,
        name=where.netloc,
        region=settings.S3_REGION,
        key_id=settings.S3_KEY_ID,
        secret=settings.S3_SECRET_KEY,
    )
    return bucket, f"{prefix}/" if prefix else ""


class Objects:
    """What can be done in the bucket. StoreAwayError for whatever does not work."""

    def __init__(self, bucket: Bucket, http: HttpClient) -> None:
        self._bucket, self._http = bucket, http

    def size(self, key: str) -> int | None:
        """In bytes; None when there is no such object. Asks for a byte, since an answer to HEAD says no reason."""
        answer = self._ask("GET", key, headers={"Range": "bytes=0-0"}, missing="NoSuchKey")
        if answer is None:
            return None
        if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return 0
        if answer.status != HTTPStatus.PARTIAL_CONTENT:  # some give all of an empty one
            return len(answer.body)
        return int(answer.headers["Content-Range"].rpartition("/")[2])

    def put(self, key: str, content: bytes, *, is_new: bool = True) -> None:
        """One that is new never replaces another. A store without conditions (501) leaves that to who asked `size`."""
        headers = _digest(content) | ({"If-None-Match": "*"} if is_new else {})
        try:
            self._ask("PUT", key, data=content, headers=headers)
        except StoreAwayError as error:
            if error.code == "PreconditionFailed":  # there by now: the key is the hash of its bytes
                return
            if error.code != "NotImplemented" or not is_new:
                raise
            self.put(key, content, is_new=False)

    def read(self, key: str, offset: int = 0) -> Iterator[bytes]:
        """The bytes from there on, as they come; FileNotFoundError. HttpError when it breaks off."""
        try:
            yield from self._http.stream(self._url(key), seconds=READ_SECONDS, offset=offset, auth=self._auth())
        except HttpError as error:
            if error.was_sent and error.status is None:
                raise
            if error.was_sent and self.size(key) is None:
                raise FileNotFoundError(key) from error
            raise StoreAwayError(f"The evidence store is away: {error}.") from error

    def keys(self, prefix: str) -> Iterator[str]:
        """All that begin so, in order."""
        token = ""
        while True:
            params = {"list-type": "2", "prefix": prefix} | ({"continuation-token": token} if token else {})
            page = _xml(self._told("GET", "", params=params))
            yield from (_text(one, "Key") for one in page.iterfind("{*}Contents"))
            token = _text(page, "NextContinuationToken")
            if not token:
                return

    def delete(self, key: str, ends: float = inf) -> None:
        """Every version of it: in a bucket that keeps versions, a plain DELETE would only hide the bytes.

        Nothing is sent after `ends` (monotonic): then StoreAwayError, and some versions may be left.
        """
        done = set[str]()
        while found := [one for one in self._versions(key) if one not in done]:
            for one in found:
                self._delete(key, ends, {"versionId": one})
            done.update(found)
        if not done:
            self._delete(key, ends, {})

    def _versions(self, key: str) -> list[str]:
        """Ids, those of its markers of deletion too: as many as a page has, and not all stores say that more follow."""
        page = _xml(self._told("GET", "", params={"versions": "", "prefix": key}))
        kinds = (page.iterfind("{*}DeleteMarker"), page.iterfind("{*}Version"))
        return [_text(one, "VersionId") for kind in kinds for one in kind if _text(one, "Key") == key]

    def _delete(self, key: str, ends: float, params: dict[str, str]) -> None:
        if monotonic() > ends:
            raise StoreAwayError("The evidence store was too slow to delete it in time.")
        self._ask("DELETE", key, params=params, missing="NoSuchKey")

    # --- an upload in parts ------------------------------------------------------------------------------------------

    def uploads(self, key: str) -> list[str]:
        """The ids of those that were begun and not ended."""
        page = _xml(self._told("GET", "", params={"uploads": "", "prefix": key}))
        return [_text(one, "UploadId") for one in page.iterfind("{*}Upload") if _text(one, "Key") == key]

    def begin(self, key: str) -> str:
        return _text(_xml(self._told("POST", key, params={"uploads": ""})), "UploadId")

    def parts(self, key: str, upload: str) -> dict[int, Part]:
        """Those that are there, by number from 1."""
        found: dict[int, Part] = {}
        marker = "0"
        while True:
            page = _xml(self._told("GET", key, params={"uploadId": upload, "part-number-marker": marker}))
            for one in page.iterfind("{*}Part"):
                found[int(_text(one, "PartNumber"))] = Part(_text(one, "ETag"), int(_text(one, "Size")))
            if _text(page, "IsTruncated") != "true":
                return found
            marker = _text(page, "NextPartNumberMarker")

    def put_part(self, key: str, upload: str, number: int, content: bytes) -> Part:
        params = {"partNumber": str(number), "uploadId": upload}
        answer = self._told("PUT", key, params=params, data=content, headers=_digest(content))
        return Part(answer.headers["ETag"], len(content))

    def complete(self, key: str, upload: str, parts: dict[int, Part]) -> None:
        """A store may say 200 first and what went wrong later."""
        lines = [
            f"<Part><PartNumber>{n}</PartNumber><ETag>{escape(parts[n].etag)}</ETag></Part>" for n in sorted(parts)
        ]
        body = f"<CompleteMultipartUpload>{''.join(lines)}</CompleteMultipartUpload>".encode()
        answer = self._told("POST", key, params={"uploadId": upload}, data=body)
        if _xml(answer).tag.endswith("Error"):
            raise self._refused(answer)

    def abort(self, key: str, upload: str) -> None:
        self._ask("DELETE", key, params={"uploadId": upload}, missing="NoSuchUpload")

    # --- one request -------------------------------------------------------------------------------------------------

    def _told(self, method: str, key: str, **parts: Any) -> Answer:
        answer = self._ask(method, key, **parts)
        assert answer is not None  # only a caller who names what may be missing gets None
        return answer

    def _ask(self, method: str, key: str, *, missing: str = "", **parts: Any) -> Answer | None:
        """The answer; None for an error whose code is `missing`. All that is asked here may be asked twice."""
        began = monotonic()
        while True:
            try:
                answer = self._http.request(method, self._url(key), auth=self._auth(), **parts)
                break
            except HttpError as error:
                if monotonic() - began > AGAIN_SECONDS:
                    raise StoreAwayError(f"The evidence store is away: {error}.") from error
                began -= AGAIN_SECONDS  # once
        if answer.is_ok or answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return answer
        refused = self._refused(answer)
        if missing and refused.code == missing:
            return None
        raise refused

    def _refused(self, answer: Answer) -> StoreAwayError:
        """In our words: of the store's own only a code is taken."""
        try:
            code = _text(_xml(answer), "Code")
        except StoreAwayError:
            code = ""
        code = code if _CODE.fullmatch(code) else ""
        why = WORDS.get(code) or f"it answered {answer.status}{f' ({code})' if code else ''}"
        what = f"The evidence store {answer.host}, bucket {self._bucket.name}, does not work: {why}."
        return StoreAwayError(what, code=code)

    def _url(self, key: str) -> str:
        return f"{self._bucket.endpoint}/{self._bucket.name}" + (f"/{quote(key)}" if key else "")

    def _auth(self) -> AWS4Auth:
        """One for each request: its key is of a day, and changing it is not for two threads."""
        return AWS4Auth(self._bucket.key_id, self._bucket.secret, self._bucket.region, "s3")


def _digest(content: bytes) -> dict[str, str]:
    """A bucket with object lock asks for this one too, although the signed SHA-256 says more."""
    return {"Content-MD5": b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()}


def _xml(answer: Answer) -> ElementTree.Element:
    if not _DECLARATION.search(answer.body):
        try:
            return ElementTree.fromstring(answer.body)  # noqa: S314  no declarations left in it
        except ElementTree.ParseError:
            pass
    raise StoreAwayError(f"{answer.host} does not answer as an object store does.")


def _text(element: ElementTree.Element, name: str) -> str:
    return element.findtext(f"{{*}}{name}") or ""
