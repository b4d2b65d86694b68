#!/usr/bin/env python
"""Nightdesk's command line."""

import os
import select
import signal
import sys

from django.core.management import execute_from_command_line

from secops.tryout.beside import WRONG_USE, prepare


def is_reader_gone() -> bool:
    """Was the pipe closed that standard output goes to? Another broken pipe is an error like any other."""
    look = select.poll()
    look.register(sys.stdout, 0)
    return any(event & select.POLLERR for _, event in look.poll(0))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "secops.settings")
    if missing := prepare(sys.argv):
        print(missing, file=sys.stderr)
        sys.exit(WRONG_USE)
    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:
        if not is_reader_gone():
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to be said goes nowhere
        sys.exit(128 + signal.SIGPIPE)  # whoever read has read enough, as with `| head`
