"""A file of evidence comes in: it streams into the store while it arrives, never into memory or another folder."""

from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from cases.errors import TooLargeError
from cases.forms.evidence import UploadForm
from cases.models import Case
from cases.services import evidence, quota
from cases.services.inbox import CHUNK, Draft
from cases.services.store import store
from cases.views.access import reader, visible_case
from secops.access import May, require
from secops.errors import SecopsError
from secops.wording import amount

FORM_BYTES = 1_000_000  # what the fields beside the file may have


class StoredUpload(UploadedFile[bytes]):
    """Its bytes are in the store's draft already."""

    def __init__(self, draft: Draft, name: str, content_type: str) -> None:
        super().__init__(BytesIO(), name, content_type, draft.size)
        self.draft = draft


class StoreHandler(FileUploadHandler):
    """Takes one file, under the field `file`; whoever made the handler discards it at the end."""

    chunk_size = CHUNK

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.draft: Draft | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.field_name != "file" or self.draft:
            raise SkipFile
        self.draft = store().draft(limit=settings.EVIDENCE_ITEM_BYTES)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        assert self.draft
        self.draft.write(raw_data)

    def file_complete(self, file_size: int) -> StoredUpload | None:
        assert self.draft
        self.draft.finish()
        return StoredUpload(self.draft, self.file_name or "", self.content_type or "")

    def discard(self) -> None:
        if self.draft:
            self.draft.discard()


@csrf_exempt  # not before the body may be read: `_added` checks the token
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Who may, how large and whether there is room is asked before the first byte is read."""
    case = visible_case(request, pk)
    if request.method == "GET":
        return _added(request, case)
    user = reader(request)
    require(user, May.WORK)
    try:
        coming = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise SecopsError("Content-Length is not a number. Nothing was kept.") from None
    if coming > settings.EVIDENCE_ITEM_BYTES + FORM_BYTES:
        raise TooLargeError(f"One upload may have at most {amount(settings.EVIDENCE_ITEM_BYTES)}. Nothing was kept.")
    store().require_room(coming)
    quota.require_room(case.pk, user, max(coming - FORM_BYTES, 0))
    handler = StoreHandler(request)
    request.upload_handlers = [handler]
    try:
        return _added(request, case)
    finally:
        handler.discard()


@csrf_protect
def _added(request: HttpRequest, case: Case) -> HttpResponse:
    is_post = request.method == "POST"
    form = UploadForm(case, request.POST, request.FILES) if is_post else UploadForm(case)
    if is_post and form.is_valid():
        said, upload = form.cleaned_data, form.cleaned_data["file"]
        names = ("kind", "title", "is_hazardous", "original")
        added = evidence.keep(
            case.pk,
            upload.draft,
            file_name=upload.name,
            media_type=upload.content_type,
            acquired=form.acquired(),
            actor=reader(request),
            **{name: said[name] for name in names},
        )
        return redirect("cases:evidence_item", case.pk, added.label)
    context = {"section": "queue", "case": case, "form": form, "limit": settings.EVIDENCE_ITEM_BYTES}
    return render(request, "cases/evidence_add.html", context, status=422 if is_post else 200)
