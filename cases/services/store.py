"""The evidence store of this installation: a folder of this machine, or a bucket."""

import hashlib
import os
from functools import cache
from io import BufferedReader
from typing import cast

from django.conf import settings

from cases.models import Evidence
from cases.services.bucket import BucketStore
from cases.services.folder import FolderStore
from cases.services.inbox import Store
from secops import s3
from secops.http import HttpClient


def store() -> Store:
    """Where evidence goes, and from where it is read."""
    return bucket_store() if settings.EVIDENCE_STORE else folder_store()


def folder_store() -> FolderStore:
    """evidence/ in the data folder, for who works with its files."""
    return FolderStore(settings.DATA_DIR / "evidence")


def bucket_store() -> BucketStore:
    """The bucket of NIGHTDESK_EVIDENCE_STORE; what is on its way there stands in the same folder."""
    bucket, prefix = s3.configured()
    return BucketStore(settings.DATA_DIR / "evidence", s3.Objects(bucket, _http(os.getpid())), prefix, is_needed)


def is_needed(sha256: str) -> bool:
    """Has any row this file, and was not destroyed?"""
    return Evidence.objects.filter(sha256=sha256, destroyed_at__isnull=True).exists()


def digest_of(sha256: str) -> str:
    """The SHA-256 of what is there now under this name; empty when nothing is."""
    try:
        with store().open(sha256) as file:
            return hashlib.file_digest(cast(BufferedReader, file), "sha256").hexdigest()
    except FileNotFoundError:
        return ""


@cache
def _http(process: int) -> HttpClient:
    """One for each process: a connection may not be shared with a child."""
    return HttpClient()
