"""Complete cases to the system that a team already has: one signed JSON message for each."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms

from secops.connectors.base import BaseUrlField, Connector, connectors
from secops.connectors.signing import post_signed
from secops.errors import SecopsError

SCHEMA = "nightdesk.push/1"


@connectors.register
class Webhook(Connector):
    """Any receiver of webhooks; docs/webhook.md says what arrives and how to check that it is ours."""

    slug = "webhook"
    label = "Complete cases to a webhook (signed)"
    doc_url = "https://www.rfc-editor.org/rfc/rfc2104"
    max_tlp = 2
    concurrency = 1
    secret_fields: ClassVar[tuple[str, ...]] = ("key",)

    class SettingsForm(forms.Form):
        url = BaseUrlField(label="Webhook", help_text="Every complete case is posted here, restricted ones never.")

    @classmethod
    def takes_cases(cls, values: Mapping[str, Any]) -> bool:
        return True

    def push_case(self, *, case: Mapping[str, Any], text: str, url: str, number: int, key: str) -> None:
        message = {"id": case["id"], "number": number, "is_update": number > 1, "url": url, "text": text, "case": case}
        self._post(message, key)

    def test(self) -> str:
        text = "A test: this is no case."
        self._post({"id": "", "number": 0, "is_update": False, "url": "", "text": text, "case": None}, "test")
        return "The webhook takes cases from us."

    def _post(self, message: dict[str, Any], key: str) -> None:
        if not self.secret("key"):
            raise SecopsError("No key is set to sign with, so nothing is sent.")
        post_signed(self, {"schema": SCHEMA, "key": key} | message, key).checked()
