"""A pager behind a webhook: one signed JSON message for each call to a person."""

from typing import Any, ClassVar

from django import forms

from secops.connectors.base import BaseUrlField, Connector, connectors
from secops.connectors.signing import post_signed
from secops.http import HttpError


@connectors.register
class Pager(Connector):
    """Any on-call product that takes a webhook; secops.connectors.signing says how it is signed."""

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
        answer = post_signed(self, message, key)
        if not answer.is_ok:
            raise HttpError(f"{answer.host} answered {answer.status} to a call", status=answer.status)
