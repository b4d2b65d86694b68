"""What an outlet is given of a complete case: its JSON, the six answers as a short text, the address of its page."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from cases.choices import Card, Severity, Verdict
from cases.models import Case
from cases.services import whole
from enrichment.choices import UNHEARD
from secops.signin import base_url
from secops.wording import defang

MOST_ALERTS = 1_000  # of one case in one message, as many as one message may bring in


def parcel(case: Case) -> dict[str, Any]:
    """The arguments `case`, `text` and `url` of an outlet's `push_case`."""
    found, url = whole.as_json(case), f"{base_url()}{reverse('cases:case', args=[case.pk])}"
    return {"case": found, "text": text_of(found, url), "url": url}


def text_of(case: Mapping[str, Any], url: str) -> str:
    """Plain text; in the first line what it is, then the six answers with their facts. Foreign words are defanged."""
    alerts, score = case["alert_count"], case["risk"]["score"]
    head = [f"Severity {Severity(case['severity']).label.lower()}", f"{alerts} alert{'' if alerts == 1 else 's'}"]
    head += [] if score is None else [f"risk {score} of 100"]
    lines = [f"{case['id']}: {defang(case['title'])}", "", ", ".join(head) + ".", ""]
    for card in Card:
        lines += _answer(card, case["answers"].get(card, {}))
    counts = case["enrichment"]
    unheard = sum(counts.get(state, 0) for state in UNHEARD)
    rest = f"; {unheard} were refused, failed or skipped, so do not read what is missing as clean" if unheard else ""
    lines += ["", f"{counts.get('asked', 0)} lookups{rest}.", url, ""]
    return "\n".join(lines)


def _answer(card: Card, answer: Mapping[str, Any]) -> list[str]:
    verdict = Verdict(answer["verdict"]).label if answer.get("verdict") else ""
    word = f"{answer['label']} ({verdict.lower()})" if verdict and answer.get("label") not in {"", verdict} else verdict
    said = ". ".join(part for part in (word, answer.get("headline", "")) if part) or "Nothing is known."
    facts = [": ".join(part for part in (fact["label"], fact["value"]) if part) for fact in answer.get("facts", [])]
    return [f"{card.label} {defang(said)}", *(f"  {defang(fact)}" for fact in facts)]
