"""Evidence goes from the folder into a bucket: hashed before it is sent, and read back."""

import hashlib
import os
from collections.abc import Iterator
from secrets import token_hex

from cases.services.store import bucket_store, digest_of, folder_store


def copy_all() -> Iterator[tuple[str, str]]:
    """Each hash of the folder, and why its file is not in the bucket now; what is there already is read back, too."""
    for sha256 in folder_store().hashes():
        yield sha256, _copy(sha256)


def _copy(sha256: str) -> str:
    """The folder's own file is what is sent, under a second name: a disk that is nearly full is why people move."""
    bucket, path = bucket_store(), folder_store().path(sha256)
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            return "was changed in the folder"
    draft = bucket.tmp / token_hex(16)
    os.link(path, draft)
    try:
        bucket.stay(draft, sha256)  # whether a row needs it or not: it was kept here
    finally:
        draft.unlink()
        bucket.withdraw(draft)
    return "" if digest_of(sha256) == sha256 else "is not the same in the bucket"
