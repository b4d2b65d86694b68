"""Files as alerts name them: a folder and a name apart or already together, and their hashes."""

from collections.abc import Iterable

from cases.choices import ObservableKind, Role
from cases.intake.observables import Observables


def full_path(folder: str, name: str) -> str:
    """Folder and name as one path; a folder that already ends with the name is the path itself."""
    if not folder or not name or folder.casefold().endswith(name.casefold()):
        return folder
    separator = "/" if "/" in folder and "\\" not in folder else "\\"
    return f"{folder.rstrip(separator)}{separator}{name}"


def add_file(found: Observables, *, folder: str = "", name: str = "", digests: Iterable[str] = ()) -> None:
    """Add a file's hashes, name and path. `folder` may be the whole path; a name that holds one is a path, too."""
    for digest in digests:
        found.add_hash(digest)
    if not folder and ("\\" in name or "/" in name):
        folder = name
    short = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    found.add(ObservableKind.FILE_NAME, short, Role.FILE)
    found.add(ObservableKind.FILE_PATH, full_path(folder, short), Role.FILE)
