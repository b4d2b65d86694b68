"""Who may speak for a source: a token is bound to its own, so it cannot use up another sender's references."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from cases.models import Sender
from secops.models import ApiToken

BY_HAND = "by-hand"  # the source of what people told: no token speaks for it, or reads it back


def refused(sources: Iterable[str], token: ApiToken | None, *, at: datetime) -> dict[str, str]:
    """The sources that the token may not send as, each with the reason. In a transaction.

    A token with a list of sources is held to it. One without may send as its own name, and takes a name that nobody
    speaks for: the first to send as it keeps it. Commands on the machine (no token) may send as anybody.
    """
    wanted = sorted(set(sources))
    if token is None:
        return {}
    if token.sources:
        reason = "this token may not send as this source"
        return {source: reason for source in wanted if source == BY_HAND or not token.may_send_as(source)}
    foreign = [source for source in wanted if source != token.name]
    return _taken(foreign, token, at) if foreign else {}


def _taken(sources: list[str], token: ApiToken, at: datetime) -> dict[str, str]:
    known = {row.source: row for row in Sender.objects.filter(source__in=sources).select_related("token")}
    mine = {source for source, row in known.items() if row.token_id == token.pk}
    rest = [source for source in sources if source not in mine]
    if not rest:
        return {}
    reserved = _reserved(token)
    answer = {}
    for source in rest:
        row = known.get(source)
        if source in reserved or (row and row.token and row.token.revoked_at is None):
            answer[source] = "another sender speaks for this source"
        elif row:
            Sender.objects.filter(pk=row.pk).update(token=token)
        else:
            Sender.objects.create(source=source, token=token, first_at=at)
    return answer


def _reserved(token: ApiToken) -> set[str]:
    """Names that other live tokens bear or list, and that of what people told."""
    others = ApiToken.objects.live().filter(scope=ApiToken.Scope.INTAKE).exclude(pk=token.pk)
    return {BY_HAND} | {name for other in others for name in (other.name, *other.sources)}


def of(token: ApiToken) -> Q:
    """The alerts that a token sent, as a condition on Alert: of a name that nobody had, those since it took it."""
    since = Sender.objects.filter(token=token, source=OuterRef("source"), first_at__lte=OuterRef("received_at"))
    return (Q(source=token.name) | Q(source__in=token.sources) | Q(Exists(since))) & ~Q(source=BY_HAND)
