"""What the record calls upwards: receivers only ring a bell."""

from django.dispatch import Signal

planning_due = Signal()
"""Sent inside the transaction that marked cases as due for planning. Argument: case_ids, list of int."""

stage_changed = Signal()
"""Sent inside the transaction of a stage change. Arguments: case_id, stage, actor."""
