"""Carry out the examinations that are due; the clock starts this, and a person may."""

from typing import Any

from django.core.management.base import BaseCommand

from enrichment.services import examinations


class Command(BaseCommand):
    help = "Let the forensic tools read what is due, one item after the other, each in a limited process."

    def handle(self, *args: Any, **options: Any) -> None:
        count = examinations.carry_out_due()
        self.stdout.write(f"Examined {count} item{'' if count == 1 else 's'}.")
