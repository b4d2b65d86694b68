"""Configured connectors: add, change, remove, find by capability, test."""

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings as deployment
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from secops import secrets as vault
from secops.connectors.base import Connector, Settings, connectors
from secops.connectors.capabilities.catalogue import capabilities_of
from secops.errors import SecopsError
from secops.models import AuditEntry, Integration
from secops.models.integrations import HealthState

_instances: dict[int, tuple[datetime, Connector]] = {}
_lock = threading.Lock()


class IntegrationError(SecopsError):
    """Settings that do not fit; the text names each field, never a value."""


# --- write -----------------------------------------------------------------------------------------------


def add(
    connector: str,
    name: str,
    values: Mapping[str, Any],
    secrets: Mapping[str, str] | None = None,
    *,
    is_simulated: bool = False,
    max_tlp: int | None = None,
    actor: Any = None,
) -> Integration:
    """Check by the connector's form and keep; IntegrationError says what does not fit."""
    kind = kind_of(connector)
    name = name.strip()
    if not name or len(name) > 100:
        raise IntegrationError("A name of 1 to 100 characters is needed.")
    if Integration.objects.filter(name=name).exists():
        raise IntegrationError(f"There is already an integration named {name}.")
    integration = Integration(
        connector=connector,
        name=name,
        settings=cleaned(kind, values),
        secrets=_sealed(kind, secrets or {}),
        is_simulated=is_simulated,
        max_tlp=max_tlp,
    )
    with transaction.atomic():
        integration.save(force_insert=True)
        AuditEntry.append(f"Added integration {name} ({kind.label})", actor=actor)
    return integration


def change(
    integration: Integration,
    values: Mapping[str, Any],
    secrets: Mapping[str, str] | None = None,
    *,
    actor: Any = None,
) -> Integration:
    """Save new settings, and the other plain fields of the row as they stand on it; an empty secret stays as it was.

    A new address wants all secrets again: else who may edit could have them sent to a host of their own.
    """
    kind = kind_of(integration.connector)
    new = cleaned(kind, values)
    given = {name: text for name, text in (secrets or {}).items() if text}
    if moved(kind, integration.settings, new) and set(integration.secrets) - set(given):
        raise IntegrationError("The address changed, so enter the secrets again.")
    integration.settings = new
    integration.secrets = integration.secrets | _sealed(kind, given)
    integration.health_state, integration.health_text = HealthState.UNKNOWN, ""
    with transaction.atomic():
        integration.save()
        AuditEntry.append(f"Changed integration {integration.name}", actor=actor)
    return integration


def ensure(
    connector: str,
    name: str,
    values: Mapping[str, Any],
    secrets: Mapping[str, str] | None = None,
    *,
    is_simulated: bool = False,
) -> Integration:
    """Add, or bring the one of this name to these settings; safe to repeat."""
    found = Integration.objects.filter(name=name).first()
    if found is None:
        return add(connector, name, values, secrets, is_simulated=is_simulated)
    if found.connector != connector:
        raise IntegrationError(f"{name} is an integration of another connector, {found.connector}.")
    found.is_simulated = is_simulated
    return change(found, values, secrets)


def remove(integration: Integration, *, actor: Any = None) -> None:
    """Lookups keep the name that they copied."""
    with transaction.atomic():
        AuditEntry.append(f"Removed integration {integration.name}", actor=actor)
        integration.delete()


def add_defaults() -> str:
    """Integrations that need no settings, for `setup`; safe to repeat, and one that was removed or renamed by an
    admin after the first time comes back only when its connector has no other row."""
    added = []
    for kind in connectors:
        if not kind.needs_settings and not Integration.objects.filter(connector=kind.slug).exists():
            add(kind.slug, kind.label, {})
            added.append(kind.label)
    return f"Integrations added: {', '.join(added)}" if added else "Integrations that need no settings are there"


def rotate_secrets() -> int:
    """Bring every secret under the first key; the number of rows that changed."""
    changed = 0
    for integration in Integration.objects.exclude(secrets={}):
        fresh = {name: vault.rotated(token) for name, token in integration.secrets.items()}
        if fresh != integration.secrets:
            unmoved = Integration.objects.filter(pk=integration.pk, updated_at=integration.updated_at)
            changed += unmoved.update(secrets=fresh)
    return changed


def cleaned(kind: type[Connector], values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the connector's form reads them."""
    try:
        return kind.clean(values)
    except ValidationError as error:
        said = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())
        raise IntegrationError(f"The settings do not fit: {said}") from error


def moved(kind: type[Connector], old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a setting that says where secrets are sent has changed."""
    return kind.addresses(old) != kind.addresses(new)


# --- use -------------------------------------------------------------------------------------------------


def connector_of(integration: Integration) -> Connector:
    """The live connector; one per row and process, made anew when the settings changed."""
    with _lock:
        kept = _instances.get(integration.pk)
        if kept and kept[0] == integration.updated_at:
            return kept[1]
    opened = {name: vault.decrypt(token) for name, token in integration.secrets.items()}
    connector = kind_of(integration.connector)(Settings(values=dict(integration.settings), secrets=opened))
    with _lock:
        _instances[integration.pk] = (integration.updated_at, connector)
    return connector


def capabilities(integration: Integration) -> list[str]:
    """What it can do; an empty list when its connector is not installed."""
    kind = connectors.get(integration.connector)
    return capabilities_of(kind) if kind else []


def with_capability(name: str) -> list[Integration]:
    """Enabled integrations that can do it, by name."""
    return [one for one in Integration.objects.filter(is_enabled=True) if name in capabilities(one)]


def outlets() -> list[Integration]:
    """Enabled integrations that complete cases are pushed to, by name."""
    slugs = [kind.slug for kind in connectors if hasattr(kind, "push_case")]
    found = Integration.objects.filter(is_enabled=True, connector__in=slugs)
    few = found.order_by().values_list("pk", "connector", "settings")  # asked at each completion, mostly in vain
    pks = [pk for pk, slug, values in few if connectors[slug].takes_cases(values)]
    return list(found.filter(pk__in=pks)) if pks else []


def is_inside(integration: Integration) -> bool:
    """Whether all it is told stays inside: it answers on this machine, or at a pair of NIGHTDESK_INTERNAL_HOSTS."""
    kind = connectors.get(integration.connector)
    if kind is None or kind.is_local:
        return kind is not None
    pairs = kind.addresses(integration.settings)
    inside = {pair.lower() for pair in deployment.NIGHTDESK_INTERNAL_HOSTS}
    return bool(pairs) and all(pair in inside for pair in pairs)


def max_tlp(integration: Integration) -> int:
    """The most confidential value (cases.choices.Tlp) that it may be shown: the row's, else the connector's."""
    return kind_of(integration.connector).max_tlp if integration.max_tlp is None else integration.max_tlp


def test(integration: Integration) -> bool:
    """Ask the smallest question there is and write down how it went."""
    try:
        report(integration, HealthState.OK, connector_of(integration).test())
    except SecopsError as error:
        report(integration, HealthState.FAILING, str(error))
    return integration.health_state == HealthState.OK


def report(integration: Integration, state: HealthState, text: str) -> None:
    """Write health; `updated_at` stays, so a live connector is kept."""
    integration.health_state, integration.health_text = state, text[:300]
    integration.health_at = timezone.now()
    Integration.objects.filter(pk=integration.pk).update(
        health_state=state, health_text=text[:300], health_at=integration.health_at
    )


def kind_of(slug: str) -> type[Connector]:
    """The connector of this slug; IntegrationError when it is not installed."""
    kind = connectors.get(slug)
    if kind is None:
        raise IntegrationError(f"There is no connector {slug}.")
    return kind


def _sealed(kind: type[Connector], secrets: Mapping[str, str]) -> dict[str, str]:
    if unknown := sorted(set(secrets) - set(kind.secret_fields)):
        raise IntegrationError(f"{kind.label} has no secret named {', '.join(unknown)}.")
    return {name: vault.encrypt(text) for name, text in secrets.items() if text}
