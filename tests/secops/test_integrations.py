"""Integrations: settings checked, secrets sealed, rate limits shared by rows."""

from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

import pytest
from django import forms
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django.fixtures import Settings

from secops import integrations, quotas
from secops.connectors.base import BaseUrlField, Connector, RateLimit, connectors
from secops.connectors.capabilities.places import Listing
from secops.errors import SecopsError
from secops.integrations import IntegrationError
from secops.models import AuditEntry, Integration

pytestmark = pytest.mark.django_db
SECRET = "canary-s3cret"


class Oracle(Connector):
    """Four questions a minute; lists everything."""

    slug = "test-oracle"
    label = "Oracle"
    max_tlp = 2
    rate_limit: ClassVar[RateLimit | None] = RateLimit(calls=4, seconds=60)
    secret_fields: ClassVar[tuple[str, ...]] = ("api_key",)

    class SettingsForm(forms.Form):
        url = BaseUrlField()
        note = forms.CharField(required=False)

    def listings(self, kind: str, value: str) -> list[Listing]:
        return [Listing(name="all", kind="noise")]

    def test(self) -> str:
        if self.secret("api_key") != SECRET:
            raise SecopsError("The key is wrong.")
        return "It answers."


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    connectors.register(Oracle)
    yield
    del connectors._plugins[Oracle.slug]


@pytest.fixture
def oracle() -> Integration:
    return integrations.add("test-oracle", "Delphi", {"url": "https://oracle.example"}, {"api_key": SECRET})


def rewind(integration: Integration, **span: float) -> None:
    """As if the window had begun, and the hold been set, so much earlier."""
    row = Integration.objects.get(pk=integration.pk)
    earlier = timedelta(**span)
    Integration.objects.filter(pk=row.pk).update(
        refilled_at=row.refilled_at - earlier if row.refilled_at else None,
        hold_until=row.hold_until - earlier if row.hold_until else None,
    )


def test_a_secret_is_sealed_and_reaches_the_connector_only(oracle: Integration) -> None:
    oracle.refresh_from_db()

    assert SECRET not in str(oracle.secrets)
    assert SECRET not in str(list(AuditEntry.objects.values()))
    assert integrations.connector_of(oracle).secret("api_key") == SECRET


def test_the_live_connector_is_kept_until_the_settings_change(oracle: Integration) -> None:
    first = integrations.connector_of(oracle)
    integrations.test(oracle)
    assert integrations.connector_of(Integration.objects.get(pk=oracle.pk)) is first

    integrations.change(oracle, {"url": "https://oracle.example", "note": "new"})

    second = integrations.connector_of(Integration.objects.get(pk=oracle.pk))
    assert second is not first
    assert (second.setting("note"), second.secret("api_key")) == ("new", SECRET)


def test_a_new_address_wants_the_secrets_again(oracle: Integration) -> None:
    with pytest.raises(IntegrationError, match="enter the secrets again"):
        integrations.change(oracle, {"url": "https://thief.example"})
    oracle.refresh_from_db()
    assert oracle.settings["url"] == "https://oracle.example"

    integrations.change(oracle, {"url": "https://oracle2.example"}, {"api_key": "other"})

    assert integrations.connector_of(oracle).secret("api_key") == "other"


@pytest.mark.parametrize(
    ("connector", "name", "values", "secrets"),
    [
        ("nope", "X", {}, {}),
        ("test-oracle", "", {"url": "https://o.example"}, {}),
        ("test-oracle", "X", {}, {}),
        ("test-oracle", "X", {"url": "https://o.example", "api_key": "k"}, {}),
        ("test-oracle", "X", {"url": "https://o.example"}, {"password": "k"}),
        ("test-oracle", "Delphi", {"url": "https://o.example"}, {}),
    ],
)
def test_what_does_not_fit_is_refused_without_its_value(
    oracle: Integration, connector: str, name: str, values: dict[str, str], secrets: dict[str, str]
) -> None:
    with pytest.raises(IntegrationError):
        integrations.add(connector, name, values, secrets)
    assert Integration.objects.count() == 1


def test_ensure_may_be_repeated() -> None:
    for _ in range(2):
        made = integrations.ensure(
            "test-oracle", "Pythia", {"url": "https://o.example"}, {"api_key": SECRET}, is_simulated=True
        )
    assert Integration.objects.get() == made
    assert made.is_simulated
    with pytest.raises(IntegrationError):
        integrations.ensure("smtp", "Pythia", {"host": "h", "sender": "a@b.example"})


def test_the_defaults_are_added_once_and_only_by_connectors_without_settings() -> None:
    assert "added" in integrations.add_defaults()
    names = {one.connector for one in Integration.objects.all()}
    integrations.add_defaults()

    assert names == {"iptocc", "warninglists"}
    assert Integration.objects.count() == 2


def test_a_capability_is_found_among_the_enabled_ones(oracle: Integration) -> None:
    assert integrations.with_capability("listings") == [oracle]
    assert integrations.with_capability("isolate") == []

    Integration.objects.update(is_enabled=False)

    assert integrations.with_capability("listings") == []


def test_an_integration_whose_connector_is_gone_can_do_nothing_and_says_so(oracle: Integration) -> None:
    Integration.objects.update(connector="gone")
    oracle.refresh_from_db()

    assert integrations.capabilities(oracle) == []
    assert not integrations.test(oracle)
    assert "gone" in oracle.health_text


def test_the_rows_tlp_wins_over_the_connectors(oracle: Integration) -> None:
    assert integrations.max_tlp(oracle) == 2
    oracle.max_tlp = 0
    assert integrations.max_tlp(oracle) == 0


def test_inside_is_where_every_address_is_listed(oracle: Integration, settings: Settings) -> None:
    assert not integrations.is_inside(oracle)
    settings.NIGHTDESK_INTERNAL_HOSTS = ("oracle.example:443",)
    assert integrations.is_inside(oracle)
    settings.NIGHTDESK_INTERNAL_HOSTS = ("oracle.example:8443",)
    assert not integrations.is_inside(oracle)
    assert integrations.is_inside(Integration(connector="iptocc"))
    assert not integrations.is_inside(Integration(connector="gone"))


def test_the_test_writes_health(oracle: Integration) -> None:
    assert integrations.test(oracle)
    oracle.refresh_from_db()
    assert (oracle.health_state, oracle.health_text) == ("ok", "It answers.")

    integrations.change(oracle, dict(oracle.settings), {"api_key": "wrong"})
    assert not integrations.test(oracle)
    oracle.refresh_from_db()
    assert (oracle.health_state, oracle.health_text) == ("failing", "The key is wrong.")


def test_rotation_brings_every_row_under_the_new_key(oracle: Integration, settings: Settings) -> None:
    old = settings.SECRETS_KEYS
    settings.SECRETS_KEYS = ("new" * 16, *old)

    assert integrations.rotate_secrets() == 1
    assert integrations.rotate_secrets() == 0

    settings.SECRETS_KEYS = ("new" * 16,)
    oracle.refresh_from_db()
    integrations._instances.clear()
    assert integrations.connector_of(oracle).secret("api_key") == SECRET


def test_a_window_gives_what_the_product_allows_and_no_more(oracle: Integration) -> None:
    assert quotas.take(oracle, 3) == 3
    assert quotas.next_at(oracle) is None
    assert quotas.take(oracle, 3) == 1
    assert quotas.take(oracle, 1) == 0
    assert quotas.next_at(oracle) is not None

    rewind(oracle, seconds=59)
    assert quotas.take(oracle, 1) == 0
    rewind(oracle, seconds=2)
    assert quotas.next_at(oracle) is None
    assert quotas.take(oracle, 9) == 4


def test_a_hold_stops_everything_until_its_end_and_a_shorter_one_does_not_cut_it(oracle: Integration) -> None:
    quotas.hold(oracle, 120)
    quotas.hold(oracle, 5)

    assert quotas.take(oracle, 1) == 0
    rewind(oracle, seconds=100)
    assert quotas.take(oracle, 1) == 0
    rewind(oracle, seconds=26)
    assert quotas.take(oracle, 1) == 1


def test_lookups_leave_a_share_to_containment() -> None:
    values = {"tenant": "t", "client_id": "c"}
    edr = integrations.add("defender", "EDR", values, {"client_secret": "s"})

    assert quotas.take(edr, 200) == 90
    assert quotas.take(edr, 1) == 0
    assert quotas.next_at(edr) is not None
    assert quotas.take(edr, 20, is_effect=True) == 10


def test_without_a_limit_all_may_go() -> None:
    local = integrations.add("iptocc", "Countries", {})

    assert quotas.take(local, 1_000) == 1_000


def test_health_and_rate_do_not_touch_the_settings_stamp(oracle: Integration) -> None:
    before = Integration.objects.get(pk=oracle.pk).updated_at

    quotas.take(oracle, 1)
    quotas.hold(oracle, 1)
    integrations.test(oracle)

    assert Integration.objects.get(pk=oracle.pk).updated_at == before
    assert Integration.objects.filter(health_at__lte=Now()).exists()


def test_removing_leaves_an_audit_line(oracle: Integration) -> None:
    integrations.remove(oracle)

    assert [entry.text for entry in AuditEntry.objects.order_by("seq")] == [
        "Added integration Delphi (Oracle)",
        "Removed integration Delphi",
    ]


def test_after_a_hold_a_step_goes_before_the_lookups(db: None) -> None:
    row = integrations.add("rdap", "Registry", {"url": "https://rdap.example"})
    Integration.objects.update(hold_until=timezone.now() - timedelta(seconds=1))

    assert quotas.take(row, 1) == 0
    assert quotas.take(row, 1, is_effect=True) == 1

    Integration.objects.update(hold_until=timezone.now() - timedelta(seconds=6))
    assert quotas.take(row, 1) == 1
