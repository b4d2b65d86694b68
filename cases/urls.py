"""Pages of this floor."""

from django.urls import path, re_path

from cases.views import (
    alert,
    bulk,
    case,
    decide,
    evidence,
    live,
    queue,
    rejected,
    report,
    sources,
    suppressions,
    uploads,
)

EVIDENCE = "cases/<case:pk>/evidence/"

app_name = "cases"
urlpatterns = [
    path("queue/", queue.queue, name="queue"),
    path("queue/live/", live.queue_live, name="queue_live"),
    re_path("^queue/bulk/(?P<what>assign|close)/$", bulk.bulk, name="bulk"),
    path("cases/new/", report.report, name="report"),
    path("cases/<case:pk>/", case.case, name="case"),
    path("cases/<case:pk>/live/", live.case_live, name="case_live"),
    path("cases/<case:pk>/seen/", case.seen, name="seen"),
    *[path(f"cases/<case:pk>/{tab}/", case.case, {"tab": tab}, name=tab) for tab in case.TABS[1:]],
    *[path(f"cases/<case:pk>/{what}/", decide.decide, {"what": what}, name=what) for what in decide.DECISIONS],
    path("cases/<case:pk>/undo/<int:entry>/", decide.undo, name="undo"),
    path(f"{EVIDENCE}add/", uploads.add, name="evidence_add"),
    path(f"{EVIDENCE}exhibit/", evidence.register, name="evidence_exhibit"),
    path(f"{EVIDENCE}export/", evidence.export, name="evidence_export"),
    path(f"{EVIDENCE}bytes/", evidence.leave, name="evidence_bytes"),
    path(f"{EVIDENCE}<evidence:label>/", evidence.item, name="evidence_item"),
    path(f"{EVIDENCE}<evidence:label>/verify/", evidence.verify, name="evidence_verify"),
    path(f"{EVIDENCE}<evidence:label>/export/", evidence.export, name="evidence_item_export"),
    path(f"{EVIDENCE}<evidence:label>/download/", evidence.download, name="evidence_download"),
    *[
        path(f"{EVIDENCE}<evidence:label>/{what}/", evidence.act, {"what": what}, name=f"evidence_{what}")
        for what in evidence.ACTS
    ],
    path("suppressions/", suppressions.suppressions_list, name="suppressions"),
    path("suppressions/add/", suppressions.add, name="suppression_add"),
    path("suppressions/<int:pk>/", suppressions.suppression, name="suppression"),
    path("suppressions/<int:pk>/end/", suppressions.end, name="suppression_end"),
    path("suppressions/<int:pk>/let-in/", suppressions.let_in, name="suppression_let_in"),
    path("alerts/<alert:pk>/", alert.alert, name="alert"),
    path("sources/", sources.sources, name="sources"),
    path("sources/<int:pk>/", sources.source, name="source"),
    path("sources/rejected/", rejected.rejected, name="rejected"),
    path("sources/rejected/replay/", rejected.replay_all, name="replay_all"),
    path("sources/rejected/<int:pk>/", rejected.payload, name="payload"),
]
