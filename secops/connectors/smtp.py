"""Mail out over SMTP, through the one egress door."""

import smtplib
import socket
import ssl
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any, ClassVar

from django import forms
from django.core.validators import validate_email

from secops import egress, intent
from secops.connectors.base import Connector, connectors
from secops.connectors.capabilities.errors import Doubt, NoEffect
from secops.http import FROZEN, HttpError

TIMEOUT = 10.0  # seconds for each step of the conversation
PLAIN, STARTTLS, TLS = "none", "starttls", "tls"


class _Door:
    """Mixed into smtplib's classes: the socket comes from the guard, whoever asks for it."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return egress.connect(host, port, timeout=timeout)


class _Plain(_Door, smtplib.SMTP):
    pass


class _Tls(_Door, smtplib.SMTP):
    """TLS from the first byte, with the name checked."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        raw = super()._get_socket(host, port, timeout)
        try:
            return ssl.create_default_context().wrap_socket(raw, server_hostname=host)
        except OSError as error:
            raw.close()
            raise egress.NotReached(f"{host} cannot be reached: {type(error).__name__}") from error


@connectors.register
class Smtp(Connector):
    """Plain-text mail to people; the host and port must be listed in NIGHTDESK_INTERNAL_HOSTS."""

    slug = "smtp"
    label = "Mail server (SMTP)"
    doc_url = "https://www.rfc-editor.org/rfc/rfc5321"
    concurrency = 2
    secret_fields: ClassVar[tuple[str, ...]] = ("password",)

    class SettingsForm(forms.Form):
        host = forms.CharField()
        port = forms.IntegerField(min_value=1, max_value=65_535, initial=587)
        security = forms.ChoiceField(choices=[(STARTTLS, "STARTTLS"), (TLS, "TLS"), (PLAIN, "None")], initial=STARTTLS)
        username = forms.CharField(required=False)
        sender = forms.EmailField()
        cases_to = forms.CharField(
            label="Complete cases to",
            required=False,
            help_text="Addresses, separated by commas: each complete case is mailed there, restricted ones never.",
        )

        def clean_cases_to(self) -> str:
            addresses = _addresses(self.cleaned_data["cases_to"])
            for address in addresses:
                validate_email(address)
            return ", ".join(addresses)

        def clean(self) -> dict[str, Any]:
            cleaned = super().clean() or self.cleaned_data
            if cleaned.get("username") and cleaned.get("security") == PLAIN:
                self.add_error("security", "A password is sent over TLS only.")
            return cleaned

    def send_mail(self, *, to: Sequence[str], subject: str, text: str, key: str) -> str:
        """One mail to all; its Message-ID is made from the key, so that a mail sent twice can be recognised.

        HttpError with was_sent False before the first recipient was named, NoEffect when the server refuses the
        sender, all recipients or the text, Doubt when it breaks off after the text was sent.
        """
        mail = self._mail(to, subject, text, key)
        server = self._opened()
        if intent.is_spent():
            server.close()
            raise HttpError(FROZEN, was_sent=False)
        try:
            refused = server.send_message(mail, self.setting("sender"), list(to))
        except smtplib.SMTPServerDisconnected as error:
            raise Doubt("The mail server broke off; the mail may have been taken.") from error
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            raise NoEffect("The mail server refused the mail.", _later(error)) from error
        except (smtplib.SMTPException, OSError) as error:
            raise Doubt("The mail server broke off; the mail may have been taken.") from error
        finally:
            server.close()
        if refused:
            raise Doubt(f"The mail server refused {len(refused)} of {len(to)} recipients; the others were sent it.")
        return str(mail["Message-ID"])

    @classmethod
    def takes_cases(cls, values: Mapping[str, Any]) -> bool:
        return bool(values.get("cases_to"))

    def push_case(self, *, case: Mapping[str, Any], text: str, url: str, number: int, key: str) -> None:
        """The text of it, one mail to all."""
        subject = f"{text.partition(chr(10))[0]}{f' (update {number})' if number > 1 else ''}"
        self.send_mail(to=_addresses(self.setting("cases_to")), subject=subject, text=text, key=f"push-{key}")

    def test(self) -> str:
        server = self._opened()
        try:
            server.noop()
        except (smtplib.SMTPException, OSError) as error:
            raise HttpError(f"{self.setting('host')} broke off: {type(error).__name__}") from error
        finally:
            server.close()
        return "The mail server takes mail from us."

    def _opened(self) -> smtplib.SMTP:
        """A conversation after greeting, TLS and sign-in; until then nothing of a mail was sent."""
        host, port, security = self.setting("host"), self.setting("port"), self.setting("security")
        kind = _Tls if security == TLS else _Plain
        try:
            server = kind(host, port, timeout=TIMEOUT)
            if security == STARTTLS:
                server.starttls(context=ssl.create_default_context())
            if self.setting("username"):
                server.login(self.setting("username"), self.secret("password"))
        except egress.EgressError as error:
            raise HttpError(str(error), was_sent=False) from error
        except (smtplib.SMTPException, OSError) as error:
            raise HttpError(f"{host} cannot be used: {type(error).__name__}", was_sent=False) from error
        return server

    def _mail(self, to: Sequence[str], subject: str, text: str, key: str) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self.setting("sender")
        mail["To"] = ", ".join(to)
        mail["Subject"] = " ".join(subject.split())[:300]
        mail["Date"] = formatdate(usegmt=True)
        domain = self.setting("sender").rpartition("@")[2]
        mail["Message-ID"] = f"<{''.join(c for c in key if c.isalnum() or c in '-_.')}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text)
        return mail


def _addresses(text: str | None) -> list[str]:
    return [part for one in (text or "").split(",") if (part := one.strip())]


def _later(error: smtplib.SMTPException) -> float | None:
    """A 4xx reply is "later" (RFC 5321, 4.2.1)."""
    codes = [getattr(error, "smtp_code", 0)]
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
    return 300.0 if codes and all(400 <= code < 500 for code in codes) else None
