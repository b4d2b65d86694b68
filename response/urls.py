"""Pages of this floor."""

from django.urls import path

from response.views import (
    alone,
    approvals,
    circle,
    collecting,
    drills,
    guest,
    hunts,
    incidents,
    metrics,
    nights,
    overview,
    panel,
    report,
    run,
)

app_name = "response"
urlpatterns = [
    path("cases/<case:pk>/runs/panel/", panel.panel, name="panel"),
    path("cases/<case:pk>/runs/suggest/", panel.suggest, name="suggest"),
    path("cases/<case:pk>/runs/start/", panel.start, name="start"),
    path("cases/<case:pk>/evidence/collecting/", collecting.collecting, name="collecting"),
    path("cases/<case:pk>/runs/action/", alone.page, name="alone"),
    path("cases/<case:pk>/overview/parts/", overview.overview, name="overview"),
    path("cases/<case:pk>/report/", report.report, name="report"),
    path("cases/<case:pk>/report.pdf", report.report_pdf, name="report_pdf"),
    path("cases/<case:pk>/report.json", report.report_json, name="report_json"),
    path("cases/<case:pk>/need-to-know/", circle.circle, name="circle"),
    *[
        path(f"cases/<case:pk>/need-to-know/{what}/", circle.decide, {"what": what}, name=what)
        for what in circle.DECISIONS
    ],
    path("guest/", guest.guest, name="guest"),
    path("guest/<case:pk>/", guest.guest_case, name="guest_case"),
    path("runs/<int:pk>/", run.run, name="run"),
    *[
        path(f"runs/<int:pk>/{what}/", run.steer, {"what": what}, name=what)
        for what in ("pause", "resume", "stop", "cancel", "undo_all")
    ],
    *[path(f"steps/<int:pk>/{what}/", run.decide, {"what": what}, name=what) for what in run.DECISIONS],
    path("cases/<case:pk>/hunts/", hunts.case_hunts, name="case_hunts"),
    path("cases/<case:pk>/hunts/start/", hunts.start, name="hunt_start"),
    path("hunts/", hunts.hunts, name="hunts"),
    path("hunts/<int:pk>/", hunts.hunt, name="hunt"),
    path("hunts/<int:pk>/answer/", hunts.answer, name="hunt_answer"),
    *[path(f"hunts/<int:pk>/{what}/", hunts.act, {"what": what}, name=f"hunt_{what}") for what in hunts.ACTS],
    path("metrics/", metrics.metrics, name="metrics"),
    path("metrics/definitions/", metrics.definitions, name="metrics_definitions"),
    path("metrics.csv", metrics.table, name="metrics_csv"),
    path("approvals/", approvals.approvals, name="approvals"),
    path("approvals/waiting/", approvals.waiting, name="approvals_waiting"),
    path("approvals/<int:pk>/", approvals.approval, name="approval"),
    path("approvals/drills/", drills.page, name="drills"),
    path("approvals/major/", incidents.page, name="major"),
    path("approvals/major/<int:pk>/sign/", incidents.sign, name="major_sign"),
    path("approvals/major/<int:pk>/end/", incidents.end, name="major_end"),
    path("approvals/standing/", nights.standing_approvals, name="standing"),
    path("approvals/standing/<int:pk>/sign/", nights.sign, name="sign"),
    path("approvals/standing/<int:pk>/revoke/", nights.revoke, name="revoke"),
    path("approvals/reviews/<int:pk>/", nights.review, name="review"),
]
