"""The record as a Django app: finds the detectors, ships the alert kinds, has its duties and benches."""

from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "cases"

    def ready(self) -> None:
        from cases import duties
        from cases.benches import batch, pages, single
        from cases.intake.base import detectors
        from cases.services import shipped
        from secops import registry

        detectors.discover("cases.intake")
        registry.shipped.put("alert kinds", shipped.install)
        registry.duties.put("tick:custody-anchor", duties.AnchorClock())
        registry.duties.put("enrichment:custody-anchor", duties.mail_anchor)
        registry.duties.put("tick:custody-rehash", duties.RehashClock())
        registry.duties.put("tick:sources", duties.SourcesClock())
        for bench in (batch.IntakeBatch, batch.IntakeRepeat, batch.IntakeStorm, single.IntakeSingle):
            registry.benches.put(bench.name, bench)
        for page in (pages.QueueRender, pages.QueueQueries, pages.CaseQueries, pages.PageWeight, pages.AssetWeight):
            registry.benches.put(page.name, page)
