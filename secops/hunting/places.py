"""Places on Windows in which anybody may write: what starts from there was not put there by an administrator."""

WRITABLE = ("\\users\\", "\\temp\\", "\\programdata\\", "\\appdata\\", "\\perflogs\\", "\\recycle")


def is_writable(command: str) -> bool:
    """Does a path, or a command line, name such a place?"""
    return any(place in command.lower() for place in WRITABLE)
