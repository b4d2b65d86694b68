"""What every connector has: a form of settings, secret fields, limits, a client, a test."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms

from secops.connectors.capabilities.errors import SourceLimited, SourceRefused
from secops.http import Answer, HttpClient
from secops.registry import Registry

DEFAULT_WAIT = 60.0  # seconds, when a product says "later" without a time


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """At most `calls` per `seconds`; kept in the integration's row, shared by all processes."""

    calls: int
    seconds: float


class BaseUrlField(forms.CharField):
    """The base address of a product; unlike URLField it takes a bare internal name. No credentials, no query.

    Where it may lead is the egress guard's business, not the form's.
    """

    def clean(self, value: Any) -> str:
        url = str(super().clean(value) or "").rstrip("/")
        if not url:
            return url
        try:
            parts = urlsplit(url)
            is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_good = False
        if not is_good or parts.username or parts.password or parts.query or parts.fragment:
            raise forms.ValidationError("This is not the base address of a product, like https://host:8443/path.")
        return url


@dataclass(slots=True, kw_only=True)
class Settings:
    """What an Integration row gives its connector: plain values; secrets are decrypted only here."""

    values: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


class Connector:
    """One product. Knows no model: it takes and gives the value objects of the capabilities.

    A capability is had by having its methods. Third-party packages join by the entry point `secops.connectors`.
    """

    slug: ClassVar[str]
    label: ClassVar[str]
    doc_url: ClassVar[str] = ""
    max_tlp: ClassVar[int] = (
        4  # cases.choices.Tlp: 0 clear, 1 green, 2 amber, 3 amber+strict, 4 red; inside sources take all
    )
    rate_limit: ClassVar[RateLimit | None] = None
    concurrency: ClassVar[int] = 8  # calls at once
    settling_seconds: ClassVar[float] = 60.0  # longest that the product may act on a request we gave up on
    dedupes_keys: ClassVar[bool] = True  # does the product itself know a key again? Else we look, and wait before that
    needs_settings: ClassVar[bool] = True  # False: `setup` adds it by itself
    secret_fields: ClassVar[tuple[str, ...]] = ()
    is_local: ClassVar[bool] = False  # answers from data on this machine: nothing is told to anybody

    class SettingsForm(forms.Form):
        """Fields of the admin page and keys of `integration add --set`; secret fields are not among them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.http = HttpClient()

    def setting(self, name: str) -> Any:
        """A cleaned value; a bad or missing one was refused when the integration was saved."""
        return self.settings.values.get(name)

    def secret(self, name: str) -> str:
        return self.settings.secrets.get(name, "")

    def checked(self, answer: Answer) -> Answer:
        """Itself when 2xx. A refusal of the question, and "later", are errors of their own; the rest is HttpError."""
        if answer.status == 429 or (answer.status == 503 and answer.error().retry_after is not None):
            wait = answer.error().retry_after
            raise SourceLimited(f"{answer.host} says later", DEFAULT_WAIT if wait is None else wait)
        if answer.status in {400, 401, 402, 403, 422}:
            raise SourceRefused(f"{answer.host} refused the question ({answer.status})")
        return answer.checked()

    def test(self) -> str:
        """Ask the smallest question there is; one sentence when all is well, SecopsError when not."""
        raise NotImplementedError

    @classmethod
    def addresses(cls, values: Mapping[str, Any]) -> list[str]:
        """The `host:port` pairs that these settings lead to, lower case: where secrets and questions are sent."""
        fields = cls.SettingsForm.base_fields
        urls = [str(values.get(name) or "") for name, one in fields.items() if isinstance(one, BaseUrlField)]
        pairs = [_pair(url) for url in urls if url]
        if values.get("host") and values.get("port"):
            pairs.append(f"{values['host']}:{values['port']}".lower())
        return pairs

    @classmethod
    def limit_of(cls, values: Mapping[str, Any]) -> RateLimit | None:
        """The limit that holds with these settings; a licence may allow more than the product's usual one."""
        return cls.rate_limit

    @classmethod
    def takes_cases(cls, values: Mapping[str, Any]) -> bool:
        """Whether complete cases are pushed to it with these settings (capability `push`)."""
        return False

    @classmethod
    def clean(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Settings as plain JSON values, checked by the form; forms.ValidationError names each bad field."""
        initial = {name: field.initial for name, field in cls.SettingsForm.base_fields.items() if field.initial}
        form = cls.SettingsForm(initial | dict(values))
        unknown = sorted(set(values) - set(form.fields))
        if unknown:
            raise forms.ValidationError({name: ["There is no such setting."] for name in unknown})
        if not form.is_valid():
            raise forms.ValidationError({name: list(errors) for name, errors in form.errors.items()})
        return dict(form.cleaned_data)


def _pair(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


connectors: Registry[Connector] = Registry("connectors")
