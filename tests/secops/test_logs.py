"""What a line of the log holds: a fault with its trace, a refusal without."""

import json
import logging
import sys

import pytest
from django.core.exceptions import PermissionDenied

from secops.logs import JsonLines


@pytest.mark.parametrize(("error", "has_trace"), [(ValueError("x"), True), (PermissionDenied(), False)])
def test_a_refusal_is_no_fault_and_brings_no_trace(error: Exception, has_trace: bool) -> None:
    try:
        raise error
    except (ValueError, PermissionDenied):
        caught = sys.exc_info()
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, "Forbidden: %s", ("/admin/",), caught)

    line = json.loads(JsonLines().format(record))

    assert line["text"] == "Forbidden: /admin/"
    assert ("trace" in line) is has_trace
