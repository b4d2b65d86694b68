"""Response as a Django app: finds the actions, and hands its work to the clock, to setup and to the pages below."""

from django.apps import AppConfig


class ResponseConfig(AppConfig):
    name = "response"

    def ready(self) -> None:
        from response.actions.base import actions
        from response.admin import KindRunbookInline
        from response.services import (
            captures,
            drills,
            hunt_asks,
            incidents,
            paging,
            protection,
            recovery,
            shipped,
            steps,
            whole,
        )
        from secops import registry
        from secops.apart import Apart

        actions.discover("response.actions")
        registry.duties.put("response:steps", steps.work)
        registry.duties.put("response:hunts", hunt_asks.work)
        registry.duties.put("response:pages", paging.work)
        registry.duties.put("response:captures", captures.work)
        registry.duties.put("captures:foreground", captures.work_apart)
        registry.duties.put("tick:captures", Apart(captures.is_due_apart, "packets"))
        registry.duties.put("tick:response", recovery.tick)
        registry.overdue.put("response", recovery.is_overdue)
        registry.due_counts.put("response", recovery.due_counts)
        registry.due_counts.put("captures", captures.due_counts)
        registry.shipped.put("runbooks", shipped.install)
        registry.shipped.put("protection", protection.install)
        registry.attached.put("drills", drills.record_range)
        registry.banners.put("major incident", incidents.told)
        registry.case_sections.put("runs", whole.section)
        registry.kind_inlines.put("runbooks", KindRunbookInline)
