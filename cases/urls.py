"""Pages of this floor."""

from django.urls import path, re_path

from cases.views import alert, bulk, case, decide, live, queue

app_name = "cases"
urlpatterns = [
    path("queue/", queue.queue, name="queue"),
    path("queue/live/", live.queue_live, name="queue_live"),
    re_path("^queue/bulk/(?P<what>assign|close)/$", bulk.bulk, name="bulk"),
    path("cases/<case:pk>/", case.case, name="case"),
    path("cases/<case:pk>/live/", live.case_live, name="case_live"),
    path("cases/<case:pk>/seen/", case.seen, name="seen"),
    *[path(f"cases/<case:pk>/{tab}/", case.case, {"tab": tab}, name=tab) for tab in case.TABS[1:]],
    *[path(f"cases/<case:pk>/{what}/", decide.decide, {"what": what}, name=what) for what in decide.DECISIONS],
    path("cases/<case:pk>/undo/<int:entry>/", decide.undo, name="undo"),
    path("alerts/<alert:pk>/", alert.alert, name="alert"),
]
