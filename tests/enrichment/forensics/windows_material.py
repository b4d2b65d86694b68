"""A registry hive and an event log of one moment."""

from secops.practice.products import windows_files

AT = 1_790_000_000  # 2026-09-21 14:13:20 UTC


def hive(key: str, name: str, command: str) -> bytes:
    """A registry hive with Microsoft\\Windows\\CurrentVersion\\<key> and one value in it."""
    return windows_files.hive(f"Microsoft\\Windows\\CurrentVersion\\{key}", {name: command}, AT)
