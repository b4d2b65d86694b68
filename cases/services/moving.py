"""Evidence goes from the folder into a bucket: hashed when it is read, and read back."""

from collections.abc import Iterator

from cases.services.inbox import CHUNK
from cases.services.store import bucket_store, digest_of, folder_store


def copy_all() -> Iterator[tuple[str, str]]:
    """Each hash of the folder, and why its file is not in the bucket now; what is there already is read back, too."""
    for sha256 in folder_store().hashes():
        yield sha256, _copy(sha256)


def _copy(sha256: str) -> str:
    bucket = bucket_store()
    if not bucket.has(sha256):
        with folder_store().open(sha256) as file, bucket.draft(limit=None) as draft:
            while chunk := file.read(CHUNK):
                draft.write(chunk)
            draft.finish()
            if draft.sha256 != sha256:
                return "was changed in the folder"
            draft.deliver()
    return "" if digest_of(sha256) == sha256 else "is not the same in the bucket"
