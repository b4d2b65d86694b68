"""Which questions the shipped kinds ask; an admin's own choice is left alone."""

from cases.models import AlertKind
from enrichment.models import KindQuestion

_WHO = ["device_lease", "device_owner", "signed_in", "person_profile"]
_WHERE = ["address_place", "address_hosting", "address_registration", "domain_registration"]
_BAD = ["address_reputation", "domain_reputation"]
_FILES = ["file_reputation", "file_elsewhere"]
_DEVICE = ["hygiene", "standard_software", "recent_changes"]
QUESTIONS = {
    "known-bad-address": [
        *(_WHO + _WHERE + _BAD + _DEVICE + _FILES),
        *("traffic_pattern", "beacon_judged", "port_scan", "volume", "connecting_program"),
    ],
    "registry-activity": [
        *(_WHO + _WHERE + _BAD + _DEVICE + _FILES),
        *("registry_program", "change_explained", "inbound_transfer", "web_requests", "volume"),
        *("traffic_pattern", "beacon_judged", "port_scan"),
    ],
    "changed-system-file": [
        *(_WHO + _WHERE + _BAD + _DEVICE + _FILES),
        *("change_explained", "inbound_transfer", "connecting_program"),
    ],
    "removable-media": [
        *_WHO,
        *("recent_changes", "standard_software", "removable_media", "internal_sources", "file_use"),
        *("inbound_connections", "volume", "two_stories"),
    ],
}


def install() -> str:
    """For `setup`: a kind that has no question yet gets its shipped ones; the default kind asks everything."""
    added = 0
    for kind in AlertKind.objects.filter(slug__in=QUESTIONS, questions__isnull=True):
        rows = [KindQuestion(kind=kind, question=slug) for slug in QUESTIONS[kind.slug]]
        added += len(KindQuestion.objects.bulk_create(rows))
    return f"Questions of alert kinds: {added} added"
