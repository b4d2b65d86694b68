"""Domains, mail addresses and URLs: refanged, checked and written in one way."""

import re
from urllib.parse import urlsplit

from cases.intake.networks import address

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*+")
_DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21}
_DEFANGED = (
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[dot]", "."),
    ("(dot)", "."),
    ("[:]", ":"),
    ("[://]", "://"),
    ("[@]", "@"),
    ("[at]", "@"),
)
MAX_URL = 8192


def refang(text: str) -> str:
    """`hxxps[:]//evil[.]example` as it was before somebody made it safe to paste."""
    if "[" in text or "(" in text or "{" in text:
        for mark, plain in _DEFANGED:
            text = text.replace(mark, plain)
    scheme, colon, rest = text.partition(":")
    if colon and scheme.lower() in {"hxxp", "hxxps", "fxp", "meow"}:
        scheme = {"hxxp": "http", "hxxps": "https", "fxp": "ftp", "meow": "http"}[scheme.lower()]
        return scheme + colon + rest
    return text


def domain(text: str) -> str:
    """A name with at least one dot, lower case, as A-labels, without the final dot; "" where it is none."""
    name = ascii_name(refang(text.strip()))
    return name if "." in name and not address(name) and not name.rpartition(".")[2].isdigit() else ""


def ascii_name(text: str) -> str:
    """A host name of any number of labels in lower-case A-labels, or ""."""
    name = text.strip().lower().removesuffix(".")
    if not name or len(name) > 253:
        return ""
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    return name if len(name) <= 253 and _NAME.fullmatch(name) else ""


def email(text: str) -> str:
    """A mail address in lower case, or ""."""
    text = refang(text.strip()).removeprefix("mailto:").strip("<>")
    local, at, host = text.rpartition("@")
    if not at or not 0 < len(local) <= 64 or "@" in local or not local.isprintable() or " " in local:
        return ""
    host = domain(host)
    return f"{local.lower()}@{host}" if host else ""


def url(text: str) -> tuple[str, bool]:
    """The address in its one spelling, or "", and whether it carried a user name or password, which is taken out."""
    text = refang(text.strip())
    if len(text) > MAX_URL or any(character <= " " for character in text):
        return "", False
    try:
        parts = urlsplit(text)
        number = parts.port
    except ValueError:
        return "", False
    scheme = parts.scheme.lower()
    host = _host(parts.hostname or "")
    if scheme not in _DEFAULT_PORTS or not host:
        return "", False
    place = host if number in {None, _DEFAULT_PORTS[scheme]} else f"{host}:{number}"
    query = f"?{parts.query}" if parts.query else ""
    return f"{scheme}://{place}{parts.path or '/'}{query}", "@" in parts.netloc


def _host(name: str) -> str:
    if found := address(name):
        return f"[{found}]" if ":" in found else found
    return ascii_name(name)


def host_of(link: str) -> str:
    """The host of a URL in its one spelling."""
    try:
        return urlsplit(link).hostname or ""
    except ValueError:
        return ""
