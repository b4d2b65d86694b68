"""A pager behind a webhook: one signed JSON message for each call to a person."""

import hashlib
import hmac
import time
from typing import Any, ClassVar

import msgspec
from django import forms

from secops.connectors.base import BaseUrlField, Connector, connectors
from secops.http import HttpError


@connectors.register
class Pager(Connector):
    """Any on-call product that takes a webhook. `X-Nightdesk-Signature` is HMAC-SHA256 with the shared secret over the
    time stamp (seconds since 1970, in `X-Nightdesk-Timestamp`), a dot, and the body as sent."""

    slug = "pager"
    label = "Pager (signed webhook)"
    doc_url = "https://www.rfc-editor.org/rfc/rfc2104"
    concurrency = 2
    secret_fields: ClassVar[tuple[str, ...]] = ("key",)

    class SettingsForm(forms.Form):
        url = BaseUrlField(label="Webhook", help_text="Every call is posted here.")

    def page(self, *, person: str, text: str, url: str, key: str) -> None:
        """Call one person; HttpError unless the receiver answers 2xx."""
        self._post({"schema": "nightdesk.page/1", "person": person, "text": text, "url": url}, key)

    def test(self) -> str:
        self._post({"schema": "nightdesk.page/1", "person": "", "text": "A test: nobody is called.", "url": ""}, "test")
        return "The pager takes calls from us."

    def _post(self, message: dict[str, Any], key: str) -> None:
        body, at = msgspec.json.encode(message), str(int(time.time()))
        signature = hmac.new(self.secret("key").encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "X-Nightdesk-Timestamp": at,
            "X-Nightdesk-Signature": f"sha256={signature}",
        }
        answer = self.http.request("POST", self.setting("url"), data=body, headers=headers)
        if not answer.is_ok:
            raise HttpError(f"{answer.host} answered {answer.status} to a call", status=answer.status)
