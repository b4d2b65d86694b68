"""`manage.py tick`: the clock as a service."""

import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand

from secops.tick import EVERY, Clock


class Command(BaseCommand):
    help = "Run the clock: what is due and was lost goes on, every second, until SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        ended = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        clock = Clock()
        while not ended.wait(EVERY):
            clock.tick()
        clock.end()
