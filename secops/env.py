"""Settings from the environment: NAME, or the file that NAME_FILE names; a bad value stops the start."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """The value of NAME, else the content of the file NAME_FILE, else the default."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    return os.environ.get(name, default)


def flag(name: str, default: bool = False) -> bool:
    """1, true, yes, on or their opposites."""
    value = text(name).strip().lower()
    if value in {"", "1", "true", "yes", "on", "0", "false", "no", "off"}:
        return default if value == "" else value in {"1", "true", "yes", "on"}
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}")


def number(name: str, default: float, *, most: float | None = None) -> float:
    """A number of seconds, or of whatever the setting counts; with `most` one above 0 and up to it."""
    value = text(name)
    try:
        found = float(value) if value else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}") from error
    if most is not None and not 0 < found <= most:  # nan is neither
        raise ImproperlyConfigured(f"{name} must be above 0 and at most {most:g}, not {value!r}")
    return found


def choice(name: str, default: str, options: tuple[str, ...]) -> str:
    """One of the options."""
    value = text(name).strip().lower() or default
    if value not in options:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(options)}, not {value!r}")
    return value


def words(name: str) -> tuple[str, ...]:
    """A list, separated by commas or spaces."""
    return tuple(text(name).replace(",", " ").split())


def kept_secret(path: Path) -> str:
    """A secret made once: written whole beside its place, then linked there, so that no reader sees half of it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        with suppress(FileExistsError):  # another process was faster: its secret counts
            os.link(draft, path)
        draft.unlink()
    return path.read_text().strip()
