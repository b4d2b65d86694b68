"""A signed JSON message to a webhook: the receiver can tell that it is ours and unchanged, and how old it is."""

import hashlib
import hmac
import time
from typing import Any

import msgspec

from secops.connectors.base import Connector
from secops.http import Answer

SIGNATURE, TIMESTAMP, KEY = "X-Nightdesk-Signature", "X-Nightdesk-Timestamp", "Idempotency-Key"


def post_signed(connector: Connector, message: dict[str, Any], key: str) -> Answer:
    """Post it to the setting `url`, signed with the secret `key`; any status is an answer, HttpError without one.

    The signature is HMAC-SHA256 over the time stamp (seconds since 1970), a dot, and the body as sent; `key` is the
    same whenever the same message is sent again.
    """
    body, at = msgspec.json.encode(message), str(int(time.time()))
    signature = hmac.new(connector.secret("key").encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", KEY: key, TIMESTAMP: at, SIGNATURE: f"sha256={signature}"}
    return connector.http.request("POST", connector.setting("url"), fresh=True, data=body, headers=headers)
