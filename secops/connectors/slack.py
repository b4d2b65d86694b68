"""Complete cases into a channel: Slack's incoming webhooks, whose form other chat servers take, too."""

from collections.abc import Mapping
from typing import Any, ClassVar

from secops.connectors.base import Connector, RateLimit, connectors
from secops.connectors.capabilities.errors import NoEffect
from secops.connectors.sending import refuse, send_once

MOST_TEXT = 3_900  # characters; the product advises 4,000 and cuts what is far longer


@connectors.register
class Slack(Connector):
    """A message for each complete case. The address of the webhook is itself the secret."""

    slug = "slack"
    label = "Complete cases to Slack (incoming webhook)"
    doc_url = "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"
    max_tlp = 2
    rate_limit = RateLimit(calls=1, seconds=1)
    concurrency = 1
    dedupes_keys = False
    secret_fields: ClassVar[tuple[str, ...]] = ("url",)

    @classmethod
    def takes_cases(cls, values: Mapping[str, Any]) -> bool:
        return True

    def push_case(self, *, case: Mapping[str, Any], text: str, url: str, number: int, key: str) -> None:
        """What was sent without an answer is Doubt: a channel does not know a message that comes twice."""
        room = MOST_TEXT - len(url)
        whole = text if len(text) <= MOST_TEXT else f"{text[:room]}…\n{url}"
        self._post(f"Update {number} of {whole}" if number > 1 else whole)

    def test(self) -> str:
        self._post("A test: this is no case.")
        return "The channel takes messages from us."

    def _post(self, text: str) -> None:
        if not self.secret("url"):
            raise NoEffect("The address of the webhook is not set.")
        message = {"text": _escaped(text), "unfurl_links": False, "unfurl_media": False}
        answer = send_once(self, "POST", self.secret("url"), json=message)
        if not answer.is_ok:
            refuse(answer, "take the message")


def _escaped(text: str) -> str:
    """The three signs by which the product knows its own marks, and those of others that take its messages: no foreign
    word names a person or makes a link."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace("@", "@\u200b").replace("](", "]\u200b(")
