"""The lines on every page, kept by each process for some seconds: pages ask the database nothing for them."""

from time import monotonic

from secops import registry

KEPT_SECONDS = 5.0  # how late another process may show a line, or take it away
_kept: list[str] = []
_until = 0.0


def lines() -> list[str]:
    """What stands on the shelf now."""
    global _kept, _until
    if monotonic() >= _until:
        _kept = [text for _, said in registry.banners.items() for text in said()]
        _until = monotonic() + KEPT_SECONDS
    return _kept


def forget() -> None:
    """Ask again at the next page of this process."""
    global _until
    _until = 0.0
