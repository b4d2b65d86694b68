"""TheHive's door: its clients create, find and update alerts here as they do there (STANDARDS.md part 6).

Nothing of it is stored in another way than what comes through our own door: same gate, same rows, same refusals.
"""

from collections.abc import Callable, Iterator
from time import time
from typing import Any, cast

from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework.exceptions import PermissionDenied
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cases.api import thehive_queries as queries
from cases.api.intake import MAX_BYTES, Untouched
from cases.api.thehive_bodies import (
    SEND_FILES,
    BodyError,
    described,
    encode,
    is_inline,
    is_same,
    read_artifacts,
    read_body,
    read_object,
    with_files,
)
from cases.api.thehive_forms import HIVES, alert_form, observable_forms, payload_of
from cases.intake.absent import plain
from cases.intake.normalise import Problems
from cases.intake.paths import Document
from cases.intake.split import split
from cases.intake.thehive import TheHive, TheHiveV0
from cases.intake.thehive_observables import Named, add, named
from cases.models import Alert, AlertObservable
from cases.services import alerts, later, senders
from secops.access import May
from secops.api import MaySendOrRead, exception_handler
from secops.errors import SecopsError
from secops.models import ApiToken, User

ERRORS = {400: "BadRequest", 401: "AuthenticationError", 403: "AuthorizationError", 404: "NotFoundError"}
ERRORS |= {409: "ConflictError", 413: "RequestTooLarge", 501: "NotSupportedError"}
AT_ONCE = 50  # alerts read in one statement
STAYS = "An alert stays as it was first sent; only its status follows, and observables may be added"


class NotSupportedError(SecopsError):
    """What TheHive does and we do not."""

    status_code = 501


class ByToken(BasePermission):
    """A token of either scope; a browser's session has pages."""

    message = "This needs an API token."

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, ApiToken) and MaySendOrRead().has_permission(request, view)


class Door(APIView):
    """One call of TheHive's API; `is_v0` is the form of TheHive 3 and 4, under /api/ without a version."""

    permission_classes = [ByToken]
    parser_classes = [MultiPartParser, Untouched]
    is_v0 = False

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return said

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        raise NotSupportedError(
            f"{request.method} {request.path}: Nightdesk does not do this. Alerts join their case by themselves, and "
            "people decide about them in the browser."
        )

    def token(self) -> ApiToken:
        assert isinstance(self.request.auth, ApiToken)
        return self.request.auth

    def sender(self) -> ApiToken:
        """The token of who sends; reading ones change nothing."""
        if self.is_reader():
            raise PermissionDenied("This needs a token with the scope intake.")
        return self.token()

    def is_reader(self) -> bool:
        return self.token().scope == ApiToken.Scope.READ

    def alerts(self) -> QuerySet[Alert]:
        """What a token sent, or what its user may see; alerts of restricted cases have a page and a log of readers."""
        seen = Prefetch("sightings", AlertObservable.objects.select_related("observable").order_by("pk"))
        if self.is_reader():
            user = cast(User, self.request.user)
            found = Alert.objects.visible_to(user).exclude(case__is_restricted=True)
            found = found if user.may(May.SEE) else found.none()
        else:
            found = Alert.objects.filter(senders.of(self.token()))
        return found.prefetch_related(seen)

    def alert(self, number: Any) -> Alert:
        found = self.alerts().filter(pk=queries.pk_of(number) or 0).first()
        if found is None:
            raise Http404("There is no such alert.")
        return found

    def form(self, alert: Alert) -> dict[str, Any]:
        return alert_form(alert, is_v0=self.is_v0, sees_case=self.is_reader())

    def found(self, pks: list[int], total: int) -> Response:
        """The alerts in this order, of which X-Total counts also those left out."""
        forms: list[dict[str, Any]] = []
        size = 0
        for form in self.forms(pks):
            size += len(encode(form))
            if forms and size > queries.MAX_BYTES:
                break
            forms.append(form)
        return Response(forms, headers={"X-Total": str(total)})

    def forms(self, pks: list[int]) -> Iterator[dict[str, Any]]:
        """Each is read with its bytes when its turn comes, and let go again."""
        for start in range(0, len(pks), AT_ONCE):
            part = pks[start : start + AT_ONCE]
            alerts = self.alerts().in_bulk(part)
            yield from (self.form(alerts.pop(pk)) for pk in part if pk in alerts)


class CreateAlert(Door):
    """One alert; one that was sent before is answered as it stands, so that its sender stops trying."""

    def post(self, request: Request) -> HttpResponse:
        token = self.sender()
        body, files = read_body(request)
        slug = TheHiveV0.slug if self.is_v0 else TheHive.slug
        result = self.taken(with_files(body, files), slug, token, may_suppress=not files)  # files need a case
        alert = self.alert(f"~{result.alert_pk}")
        later.keep_files(alert, files.values())
        return Response(self.form(alert), status=201)

    @staticmethod
    def taken(body: bytes, slug: str, token: ApiToken, *, may_suppress: bool = True) -> alerts.Result:
        """Through the gate as everything; BodyError names the fields of what it rejects."""
        batch = split(body, max_alerts=1, max_bytes=MAX_BYTES, may_unwrap=False)
        if batch.is_list:
            raise BodyError("body: one alert and no list")
        (result,) = alerts.receive(
            batch.messages, detector=slug, source=token.name, token=token, may_suppress=may_suppress
        ).results
        if result.alert_pk is None:
            raise BodyError("; ".join(f"{problem.field}: {problem.message}" for problem in result.errors))
        return result


class OneAlert(Door):
    """An alert read back or updated. An update is a later message of the same reference, as any sender's."""

    def get(self, request: Request, number: str) -> Response:
        return Response(self.form(self.alert(number)))

    def patch(self, request: Request, number: str) -> Response:
        token, alert = self.sender(), self.alert(number)
        changes, files = read_object(request)
        if files:
            raise BodyError(f"{', '.join(files)[:200]}: {SEND_FILES}")
        self.require_possible(alert, changes)
        artifacts = changes.get("artifacts")
        found = read_artifacts(artifacts, self.standing(alert)) if artifacts else []
        with transaction.atomic():  # the alert's row before its case: the order of a batch that comes in
            if changes.get("status") not in (None, alert.status):
                message = payload_of(alert) | {"status": changes["status"], "lastSyncDate": int(time() * 1000)}
                CreateAlert.taken(encode(message), alert.detector, token)
            if found:
                later.add_observables(alert, found)
        return Response(self.form(self.alert(number))) if self.is_v0 else Response(status=204)

    def standing(self, alert: Alert) -> set[tuple[str, str]]:
        """The observables of an alert by type and data, as they were sent and as they are told."""
        told = {(form["dataType"], form["data"]) for form in observable_forms(alert, is_v0=self.is_v0)}
        return told | named(Document(payload_of(alert)), Problems()).sent

    def require_possible(self, alert: Alert, changes: dict[str, Any]) -> None:
        """Clients also send what they do not change; all of a change is done, or nothing."""
        if alert.detector not in HIVES:
            raise NotSupportedError(f"This alert came as {alert.detector} and is updated by a later message of that.")
        status = changes.get("status")
        if status is not None and (not isinstance(status, str) or not 0 < len(plain(status)) <= 40):
            raise BodyError("status: a word of at most 40 characters")
        stands = (payload_of(alert), self.form(alert))
        rest = [name for name in changes if name not in ("status", "artifacts", "lastSyncDate")]
        if other := [name for name in rest if not any(is_same(changes[name], one.get(name)) for one in stands)]:
            raise NotSupportedError(f"{', '.join(other)[:200]}: {STAYS}.")


class AlertObservables(Door):
    """More observables of an alert of one's own."""

    def post(self, request: Request, number: str) -> Response:
        self.sender()
        alert = self.alert(number)
        item, files = read_object(request)
        if files:
            item["attachment"] = described(list(files), files)
        if is_inline(item):
            raise BodyError(f"data: {SEND_FILES}")
        found = Named()
        if not add(found, Document(item)) or not found.observables.all():
            raise BodyError(
                f"data: no observable of the dataType {str(item.get('dataType'))[:40]!r} can be read from it"
            )
        later.keep_files(alert, files.values(), found=found.observables.all())
        added = {one.value for one in found.observables.all()}
        forms = observable_forms(self.alert(number), is_v0=self.is_v0)
        return Response([form for form in forms if form["data"] in added], status=201)


class Search(Door):
    """Version 3's way to find: the filter in the body, range and sort in the address."""

    def post(self, request: Request) -> Response:
        body, _ = read_object(request)
        found = queries.prepared(self.alerts(), is_v0=True).filter(
            queries.condition(body.get("query") or {}, queries.Asked())
        )
        found = found.order_by(*queries.order_of(request.query_params.getlist("sort")), "-pk")
        page = queries.page_of(found, *queries.range_of(request.query_params.get("range", "0-10")))
        return self.found(page, found.count())


class Query(Door):
    """Version 4's and 5's way to find: a list of steps."""

    def post(self, request: Request) -> Response:
        body, _ = read_object(request)
        steps = queries.steps_of(body)
        first, names = steps[0], [str(step.get("_name")) for step in steps]
        if names[0] == "getAlert" and names[1:] in ([], ["observables"]):
            alert = self.alert(first.get("idOrName"))
            return Response(observable_forms(alert, is_v0=self.is_v0) if names[1:] else [self.form(alert)])
        if names[0] != "listAlert":
            raise NotSupportedError(f"The query {' '.join(names)[:100]} is not answered here, only those about alerts.")
        return self.answer(steps[1:])

    def answer(self, steps: list[dict[str, Any]]) -> Response:
        found, page = queries.prepared(self.alerts(), is_v0=self.is_v0).order_by("-pk"), (None, None)
        asked = queries.Asked()
        for step in steps:
            name = step.get("_name")
            if name == "filter":
                found = found.filter(queries.condition(step, asked))
            elif name == "sort":
                found = found.order_by(*queries.order_of(step.get("_fields")), "-pk")
            elif name == "page":
                page = (step.get("from"), step.get("to"))
            elif name == "count":
                return Response(found.count())
            else:
                raise NotSupportedError(f"The step {str(name)[:60]} of a query is not known here.")
        return self.found(queries.page_of(found, *page), found.count())


class CurrentUser(Door):
    """Who a token is; clients ask it to see whether they are let in."""

    def get(self, request: Request) -> Response:
        token = self.token()
        login = token.user.get_username() if token.user else token.name
        about = {
            "_id": login,
            "id": login,
            "login": login,
            "name": login,
            "type": "Service",
            "organisation": "nightdesk",
        }
        may = ["read"] if self.is_reader() else ["read", "alert"]
        return Response(about | {"_createdAt": int(token.created_at.timestamp() * 1000), "roles": may, "hasKey": True})


class Elsewhere(Door):
    """Every other call of TheHive's API: said to be none of ours."""


def said(error: Exception, context: dict[str, Any]) -> Response | None:
    """An error as TheHive says it: a type and a message."""
    response = exception_handler(error, context)
    if response is not None:
        detail = response.data.get("detail", "") if isinstance(response.data, dict) else response.data
        response.data = {"type": ERRORS.get(response.status_code, "InternalError"), "message": str(detail)}
    return response
