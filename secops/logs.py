"""One JSON line per event: ids, not bodies; control characters cannot forge a line."""

import json
import logging
from datetime import UTC, datetime

from django.core.exceptions import PermissionDenied


class JsonLines(logging.Formatter):
    """Escapes everything that is not printable ASCII, so that one event is one line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage()[:2000],
        }
        if record.exc_info and not isinstance(record.exc_info[1], PermissionDenied):  # a refusal is no fault
            line["trace"] = self.formatException(record.exc_info)[-4000:]
        return json.dumps(line, ensure_ascii=True)
