"""Enrichment as a Django app: finds the questions, hangs its bell, duties and sections."""

from django.apps import AppConfig


class EnrichmentConfig(AppConfig):
    name = "enrichment"

    def ready(self) -> None:
        from enrichment import benches, duties, receivers  # noqa: F401 - receivers connects the bell
        from enrichment.admin import KindQuestionInline
        from enrichment.questions.base import questions
        from enrichment.services import examinations, lookups, orphans, planning, pushes, pushing, shipped
        from secops import registry

        questions.discover("enrichment.questions")
        registry.duties.put("enrichment:plan", planning.plan_due)
        registry.duties.put("enrichment:lookups", lookups.work)
        registry.duties.put("tick:enrichment", lookups.free_expired)
        registry.duties.put("tick:enrichment-orphans", orphans.end_orphans)
        registry.duties.put("tick:enrichment-bell", duties.ring_if_due)
        registry.duties.put("examinations:foreground", examinations.carry_out_due)
        registry.duties.put("tick:examinations", duties.ExaminationClock())
        registry.duties.put("pushes:foreground", pushing.work)
        registry.duties.put("tick:pushes", duties.PushClock())
        registry.due_counts.put("enrichment", duties.left)
        registry.due_counts.put("examinations", duties.examinations_left)
        registry.due_counts.put("pushes", pushes.left)
        registry.case_sections.put("enrichment", duties.case_section)
        registry.case_sections.put("examinations", duties.examinations_section)
        registry.shipped.put("enrichment:questions", shipped.install)
        registry.kind_inlines.put("questions", KindQuestionInline)
        registry.benches.put("lookups", benches.Lookups)
        registry.benches.put("enriched", benches.Enriched)
