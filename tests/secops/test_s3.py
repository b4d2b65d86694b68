"""The object store's client, against a real store: what it keeps, what it refuses, and in which words."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from requests import PreparedRequest

from secops import s3
from secops.checks import evidence_store_can_be_asked, evidence_travels_encrypted
from secops.s3 import Objects, StoreAwayError
from tests.objectstore import Server


@pytest.fixture
def objects(objectstore: Server) -> Objects:
    return objectstore.objects(objectstore.make())


def read(objects: Objects, key: str, offset: int = 0) -> bytes:
    return b"".join(objects.read(key, offset))


@pytest.mark.slow
def test_what_is_put_is_there_in_its_size_and_from_any_byte_on(objects: Objects) -> None:
    objects.put("house/sha256/ab", b"MZ the loader")
    objects.put("house/sha256/aa", b"")

    assert [objects.size(key) for key in ("house/sha256/ab", "house/sha256/aa", "house/sha256")] == [13, 0, None]
    assert read(objects, "house/sha256/ab") == b"MZ the loader"
    assert read(objects, "house/sha256/ab", 3) == b"the loader"
    assert read(objects, "house/sha256/aa") == b""
    assert list(objects.keys("house/")) == ["house/sha256/aa", "house/sha256/ab"]
    with pytest.raises(FileNotFoundError):
        read(objects, "house/none")


@pytest.mark.slow
def test_a_list_of_more_than_one_page_is_read_to_its_end(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Objects._told
    monkeypatch.setattr(
        Objects, "_told", lambda self, method, key, params: ask(self, method, key, params=params | {"max-keys": "2"})
    )
    wanted = [f"sha256/{n}" for n in range(5)]
    for key in wanted:
        objects.put(key, b"x")

    assert list(objects.keys("sha256/")) == wanted


@pytest.mark.slow
def test_bytes_that_changed_on_their_way_are_refused_by_the_store(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Changed(s3.AWS4Auth):  # type: ignore[misc]
        def __call__(self, request: PreparedRequest) -> PreparedRequest:
            signed: PreparedRequest = super().__call__(request)
            signed.body = b"MZ THE LOADER"
            return signed

    with monkeypatch.context() as patched:
        patched.setattr(s3, "AWS4Auth", Changed)
        with pytest.raises(StoreAwayError, match="it answered 400"):
            objects.put("x", b"MZ the loader")

    assert objects.size("x") is None


@pytest.mark.slow
@pytest.mark.parametrize("page_size", ["1", "1000"])
def test_deleted_is_every_version(objectstore: Server, monkeypatch: pytest.MonkeyPatch, page_size: str) -> None:
    objects = objectstore.objects(objectstore.make())
    on = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    objects._ask("PUT", "", params={"versioning": ""}, data=on)
    for content in (b"1", b"2"):
        objects.put("x", content, is_new=False)
    objects.put("y", b"another")

    told = Objects._told

    def paged(self: Objects, method: str, key: str, **parts: Any) -> Any:
        return told(self, method, key, **(parts | {"params": parts["params"] | {"max-keys": page_size}}))

    with monkeypatch.context() as patched:
        patched.setattr(Objects, "_told", paged)
        objects.delete("x")

    page = objects._told("GET", "", params={"versions": ""}).body
    assert page.count(b"<Key>y</Key>") == 1
    assert b"<Key>x</Key>" not in page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "nowhere"}, "bucket nowhere, does not work: there is no such bucket."),
        ({"secret": "another"}, "the secret key is wrong"),
        ({"key_id": "other:nobody"}, "the access key may not do this"),
        ({"region": "us-east-1"}, "the region is wrong"),
        ({"endpoint": "http://127.0.0.1:1"}, "is away: 127.0.0.1: only https on port 443 may leave"),
    ],
)
def test_what_the_store_refuses_is_said_in_words_and_nothing_is_taken_for_missing(
    objectstore: Server, changes: dict[str, str], words: str
) -> None:
    refused = objectstore.objects(**({"name": objectstore.make()} | changes))

    for ask in (lambda: refused.size("x"), lambda: refused.put("x", b"x"), lambda: read(refused, "x")):
        with pytest.raises(StoreAwayError, match=words) as caught:
            ask()
        assert not {"another", "a-secret"} & set(str(caught.value).split())


@pytest.mark.slow
def test_a_store_that_is_not_there_is_away(objectstore: Server, settings: Any) -> None:
    settings.NIGHTDESK_INTERNAL_HOSTS = ("127.0.0.1:1",)

    with pytest.raises(StoreAwayError, match=r"away: 127\.0\.0\.1 cannot be reached"):
        objectstore.objects("any", endpoint="http://127.0.0.1:1").size("x")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"EVIDENCE_STORE": "https://bucket"}, "must be s3://bucket"),
        ({"EVIDENCE_STORE": "s3://bucket/a b"}, "letters, digits"),
        ({"EVIDENCE_STORE": "s3://bucket/../other"}, "letters, digits"),
        ({"S3_SECRET_KEY": ""}, "NIGHTDESK_S3_SECRET_KEY"),
        ({"S3_ENDPOINT": "https://key:secret@store.example"}, "must be https://host"),
        ({"S3_ENDPOINT": "https://store.example/path"}, "must be https://host"),
    ],
)
def test_a_store_that_is_half_configured_stops_the_start(settings: Any, changes: dict[str, str], words: str) -> None:
    for name, value in (WHOLE | changes).items():
        setattr(settings, name, value)

    with pytest.raises(ImproperlyConfigured, match=words):
        s3.configured()
    assert [error.id for error in evidence_store_can_be_asked(None)] == ["nightdesk.E004"]


WHOLE = {"EVIDENCE_STORE": "s3://bucket/house/one/", "S3_KEY_ID": "key", "S3_SECRET_KEY": "secret", "S3_ENDPOINT": ""}


def test_amazons_own_endpoint_needs_no_more_words(settings: Any) -> None:
    for name, value in WHOLE.items():
        setattr(settings, name, value)

    bucket, prefix = s3.configured()

    assert (bucket.endpoint, bucket.name, prefix) == ("https://s3.us-east-1.amazonaws.com", "bucket", "house/one/")
    assert "secret'" not in repr(bucket)
    assert evidence_store_can_be_asked(None) == evidence_travels_encrypted(None) == []


def test_an_endpoint_inside_must_be_listed_and_one_without_tls_is_warned_of(settings: Any) -> None:
    for name, value in (WHOLE | {"S3_ENDPOINT": "http://store.corp.example:9000"}).items():
        setattr(settings, name, value)

    assert [error.id for error in evidence_store_can_be_asked(None)] == ["nightdesk.E005"]
    settings.NIGHTDESK_INTERNAL_HOSTS = ("store.corp.example:9000",)
    assert evidence_store_can_be_asked(None) == []
    assert [warning.id for warning in evidence_travels_encrypted(None)] == ["nightdesk.W002"]
