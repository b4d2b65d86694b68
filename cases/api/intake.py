"""Alerts in over HTTP: one object, a list or NDJSON. Decoded by hand: a serialiser costs more than the insert."""

from typing import Any

import msgspec
from django.http import Http404, HttpResponse
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.views import APIView

from cases.api.receipts import answer
from cases.intake.recognise import find_detector
from cases.intake.split import TooLargeError, split
from cases.services import alerts
from secops.api import MaySend
from secops.models import ApiToken

MAX_ALERTS = 1_000
MAX_BYTES = 10_000_000
OWN = "nightdesk"
_json = msgspec.json.Encoder()  # plain dicts and texts: a renderer and its negotiation would only cost time


class Untouched(BaseParser):
    """Whatever the content type says, the bytes are read by the gate."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        return {}


class AlertIntake(APIView):
    """Alerts of our own schema, nightdesk.alert/1."""

    permission_classes = [MaySend]
    parser_classes = [Untouched]

    def post(self, request: Request) -> HttpResponse:
        return receive(request, OWN)


class DetectorIntake(APIView):
    """Alerts as a detector sends them; `auto` finds out which."""

    permission_classes = [MaySend]
    parser_classes = [Untouched]

    def post(self, request: Request, detector: str) -> HttpResponse:
        if detector != "auto" and not find_detector(detector):
            raise Http404("There is no such detector.")
        return receive(request, detector)


def receive(request: Request, detector: str) -> HttpResponse:
    """Hand the body to the one way in; the answer goes out only after the commit."""
    token = request.auth
    assert isinstance(token, ApiToken)
    batch = split(body_of(request), max_alerts=MAX_ALERTS, max_bytes=MAX_BYTES, may_unwrap=detector != OWN)
    receipt = alerts.receive(batch.messages, detector=detector, source=token.name, token=token)
    body, status = answer(receipt, is_list=batch.is_list)
    return HttpResponse(_json.encode(body), status=status, content_type="application/json")


def body_of(request: Request) -> bytes:
    """The bytes, never more than allowed into memory."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > MAX_BYTES:
        raise TooLargeError(f"At most {MAX_BYTES} bytes in one request, this one has {length}.")
    return request._request.read(MAX_BYTES + 1)
