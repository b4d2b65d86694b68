"""Values as people read them: defanged, visible, with units; plain text in, plain text out."""

import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from difflib import get_close_matches

from django.utils import timezone

from secops.networks import stays_inside

MINUTE, HOUR, DAY = 60, 3_600, 86_400  # seconds
NARROW_SPACE = "\u202f"  # the thousands mark: thin, and no line breaks there
UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_FILE_ENDING = re.compile(
    "bat|bin|cmd|conf|csv|dat|dll|doc|docm|docx|eml|exe|gz|hta|img|inf|ini|iso|jar|jpg|js|json|lnk|log|msi|"
    "md|ndjson|pcap|pdf|php|pl|png|ps|ps1|py|scr|sh|so|sys|tar|tmp|txt|vbs|xls|xlsm|xlsx|xml|yaml|yml|zip",
    re.IGNORECASE,
)
# In running text a login (m.okafor) looks like a domain: only endings that are in wide use count there.
_ENDINGS = (
    "[a-z]{2}|com|net|org|info|biz|gov|edu|mil|int|arpa|example|test|invalid|onion|app|dev|cloud|online|site|xyz|top|"
    "club|shop|icu|live|click|link|work|world|pro|name|mobi|tech|store|space|website|fun|vip|buzz|digital|host|xn--[a-z0-9-]+"
)
# In one alternation, so that a piece of a longer value is never taken for a value of its own.
_SUSPECTS = re.compile(
    r"(?P<url>\b(?:https?|ftp)://[^\s<>\"']+)"
    r"|(?P<mail>\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b)"
    r"|(?P<ip>(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\w))"
    r"|(?P<domain>(?<![\w.\\/@-])(?:[a-z0-9_](?:[\w-]{0,61}\w)?\.)+(?:" + _ENDINGS + r")(?![\w.-]*\w))",
    re.IGNORECASE,
)
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\U000e0000-\U000e0fff]"
)


def shown(value: object) -> str:
    """Every invisible or direction-changing character, and half of one, as a visible mark, such as ⟨U+202E⟩."""
    return _HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", str(value))


def escaped(text: str) -> str:
    """The same characters as `shown` marks, as JSON writes them in a text, such as \\u202e: visible, and still the same
    JSON."""
    return _HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1] if found[0] != "\x7f" else "\\u007f", text)


def defang(value: object, kind: str = "") -> str:
    """Nothing in it can be clicked or resolved; with an observable `kind` the whole text is one value."""
    text = shown(value)
    if kind in {"ip", "domain", "url", "email"}:
        return _defang_one(text, kind)
    if kind in {"file_name", "file_path", "registry_key", "process"}:
        return text
    return _SUSPECTS.sub(_defang_found, text)


def refang(value: str) -> str:
    """What a person pasted, as the value it means."""
    text = value.strip().replace("[.]", ".").replace("(.)", ".").replace("[@]", "@").replace("[:]", ":")
    return re.sub(r"^hxxp", "http", text, flags=re.IGNORECASE)


def duration(seconds: float | None) -> str:
    """45 s, 11 m, 1 h 02, 2 d 4 h; a negative span reads as its size."""
    if seconds is None:
        return "unknown"
    total = round(abs(seconds))
    if total < MINUTE:
        return f"{total} s"
    if total < HOUR:
        return f"{total // MINUTE} m"
    if total < DAY:
        return f"{total // HOUR} h {total % HOUR // MINUTE:02d}"
    hours = total % DAY // HOUR
    return f"{total // DAY} d {hours} h" if hours else f"{total // DAY} d"


def ago(moment: datetime | None) -> str:
    """19 m ago, in 5 m, just now."""
    if moment is None:
        return "never"
    seconds = (timezone.now() - moment).total_seconds()
    if abs(seconds) < 5:
        return "just now"
    return f"{duration(seconds)} ago" if seconds > 0 else f"in {duration(seconds)}"


def clock(moment: datetime | None) -> str:
    """14:03:10 UTC; with the day in front when it is not today."""
    if moment is None:
        return "unknown"
    moment = moment.astimezone(timezone.get_default_timezone())
    today = timezone.now().astimezone(moment.tzinfo).date()
    day = "" if moment.date() == today else f"{moment.day} {moment:%b} "
    return f"{day}{moment:%H:%M:%S} UTC"


def stamp(text: str | None) -> str:
    """24 Nov 2026 18:18:39 UTC, from an RFC 3339 stamp in UTC; the same whenever it is read."""
    if not text:
        return "unknown"
    at = datetime.fromisoformat(text).astimezone(UTC)
    return f"{at.day} {at:%b %Y %H:%M:%S} UTC"


def amount(count: float | None) -> str:
    """Bytes with the decimal unit: 48.2 MB."""
    if count is None:
        return "unknown"
    size, unit = float(count), 0
    while abs(size) >= 999.5 and unit < len(UNITS) - 1:
        size, unit = size / 1_000, unit + 1
    return f"{size:.0f} {UNITS[unit]}" if unit < 2 or abs(size) >= 100 else f"{size:.1f} {UNITS[unit]}"


def thousands(count: float | None) -> str:
    """1 840 with a thin space that does not break; unknown is said, never 0."""
    if count is None:
        return "unknown"
    return f"{count:,}".replace(",", NARROW_SPACE)


def initials(name: object) -> str:
    """MA of Marta Alves, JW of j.weil, at most two letters."""
    words = [word for word in re.split(r"[\s._-]+", shown(name)) if word]
    if not words:
        return "?"
    letters = words[0][:1] + (words[-1][:1] if len(words) > 1 else words[0][1:2])
    return unicodedata.normalize("NFC", letters).upper()


def did_you_mean(word: str, known: Iterable[str], *, most: int = 8) -> str:
    """What mends a slip of the pen: the nearest known word, else the few that there are; begins with a space."""
    words = list(known)
    if near := get_close_matches(word, words, n=1):
        return f" Did you mean {near[0]!r}?"
    return f" There is: {', '.join(words)}." if 0 < len(words) <= most else ""


def _defang_found(found: re.Match[str]) -> str:
    text = found[0]
    if found.lastgroup == "ip":
        return _defang_one(text, "ip")
    if found.lastgroup == "domain":
        return text if _FILE_ENDING.fullmatch(text.rpartition(".")[2]) else _split_last_dot(text)
    return _defang_one(text, "email" if found.lastgroup == "mail" else "url")


def _defang_one(text: str, kind: str) -> str:
    if any(mark in text for mark in ("[.]", "[@]", "[:]")):
        return text
    if kind == "ip":
        return _defang_address(text)
    if kind == "email":
        local, at, host = text.rpartition("@")
        return f"{local}[@]{_split_last_dot(host)}" if at else _split_last_dot(text)
    if kind == "url":
        scheme, colon, rest = text.partition("://")
        host, slash, path = rest.partition("/") if colon else scheme.partition("/")
        front = scheme.lower().replace("http", "hxxp") + colon if colon else ""
        return f"{front}{_split_last_dot(host)}{slash}{path}"
    return _split_last_dot(text)


def _defang_address(text: str) -> str:
    if ":" in text:
        return text.replace(":", "[:]", 1)
    return text if stays_inside(text) else _split_last_dot(text)


def _split_last_dot(text: str) -> str:
    head, dot, tail = text.rpartition(".")
    return f"{head}[.]{tail}" if dot and not head.endswith("[") else text
