"""A disk image: partitions, file systems, files with the deleted ones, their times, hashes and contents."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappush, heappushpop
from typing import Any

import pytsk3

from enrichment.forensics import report
from enrichment.forensics.content import CHUNK, look, tell
from enrichment.forensics.image import Descriptor, Image
from enrichment.forensics.notebook import Notebook, stamp
from enrichment.forensics.report import Carried
from enrichment.forensics.scanner import Rules

NAME, VERSION = "The Sleuth Kit", str(pytsk3.TSK_VERSION_STR)
MOST_FILES = 500_000
MOST_DEPTH = 64
MOST_PARTITIONS = 32
HASH_BYTES = 256 * 2**20  # of one file; a larger one is listed without a hash
LATEST = 100
TIMES = (("mtime", "changed"), ("crtime", "created"), ("ctime", "moved or changed"))
KINDS = {
    int(getattr(pytsk3, f"TSK_FS_TYPE_{name}")): name.replace("_", " ")
    for name in ("NTFS", "FAT12", "FAT16", "FAT32", "EXFAT", "EXT2", "EXT3", "EXT4", "ISO9660", "HFS", "APFS", "YAFFS2")
    if hasattr(pytsk3, f"TSK_FS_TYPE_{name}")
}

type Recover = Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Place:
    """One file as its directory names it."""

    path: str
    file: Any
    is_deleted: bool


class Tool:
    """One image. Recovered files are named in the report and read again when their bytes are asked for."""

    def __init__(self, rules: Rules, notebook: Notebook) -> None:
        self._rules, self._notes = rules, notebook
        self._files = self._deleted = self._gone = self._large = 0
        self._latest: list[tuple[int, str, str, str]] = []
        self._recovered: list[tuple[bool, Carried, Recover]] = []
        self._dirs: set[tuple[int, int]] = set()

    def run(self, file: Descriptor) -> Iterator[bytes]:
        """Read the whole image into the notebook; returns the bytes of the recovered files, one after the other."""
        image = Image(file, self._notes)
        self._notes.fact("Image", f"{image.form}, {image.get_size():,} bytes of medium")
        parts = list(self._partitions(image))
        if not sum(self._file_system(image, number, *part) for number, part in enumerate(parts)):
            raise ValueError("there is no file system in it that is known here; it may be encrypted")
        for label, count in (
            ("Files", self._files),
            ("Deleted", self._deleted),
            ("Deleted, content gone", self._gone),
            ("Too large to hash", self._large),
        ):
            if count or label == "Files":
                self._notes.fact(label, f"{count:,}")
        rows = [[at or "", what, path, size] for _, at, what, path, size in self._times()]
        self._notes.table("Latest times of files, UTC", ["Time", "What", "File", "Bytes"], rows)
        return self._carried()

    def _partitions(self, image: Image) -> Iterator[tuple[int, str]]:
        try:
            volume = pytsk3.Volume_Info(image)
            size = volume.info.block_size
            found = [part for part in volume if int(part.flags) & int(pytsk3.TSK_VS_PART_FLAG_ALLOC)]
        except OSError:  # no table: the image is one file system
            yield 0, ""
            return
        for number, part in enumerate(found[:MOST_PARTITIONS], 1):
            label = part.desc.decode(errors="replace")
            self._notes.fact(f"Partition {number}", f"{label}, {part.len * size:,} bytes at {part.start * size:,}")
            yield part.start * size, f"Partition {number}"

    def _file_system(self, image: Image, number: int, offset: int, label: str) -> bool:
        """All files of one partition; False when there is no file system that is known."""
        try:
            system = pytsk3.FS_Info(image, offset=offset)
            root = system.open_dir(inode=system.info.root_inum)
        except OSError:
            self._notes.limit(f"{label or 'The image'} holds no file system that The Sleuth Kit can read.")
            return False
        kind = KINDS.get(int(system.info.ftype), "of another kind")
        size = system.info.block_size * system.info.block_count
        self._notes.fact(f"File system {label}".strip(), f"{kind}, {size:,} bytes")
        if offset + size > image.get_size():
            self._notes.limit(
                f"{label or 'The file system'} is said to be larger than the image: the image is cut off."
            )
        for place in self._walk(root, number, f"{label}/" if label else "/", 0):
            if self._files >= MOST_FILES:
                self._notes.limit(f"More than {MOST_FILES:,} files: the rest was not looked at.")
            if self._files >= MOST_FILES or self._notes.is_late:
                break
            self._files += 1
            self._look_at(place)
        return True

    def _walk(self, directory: Any, number: int, path: str, depth: int) -> Iterator[Place]:
        """Each directory once, deleted ones too; one that cannot be read is said and left."""
        entries = iter(directory)
        while True:
            try:
                entry = next(entries)
            except StopIteration:
                return
            except OSError:
                self._notes.limit(f"The folder {path} is damaged.")
                return
            name, meta = entry.info.name.name.decode(errors="replace"), entry.info.meta
            if name in {".", ".."} or meta is None:
                continue
            is_deleted = bool(int(entry.info.name.flags) & int(pytsk3.TSK_FS_NAME_FLAG_UNALLOC))
            if meta.type in (pytsk3.TSK_FS_META_TYPE_DIR, pytsk3.TSK_FS_META_TYPE_VIRT_DIR):
                if depth < MOST_DEPTH and (number, meta.addr) not in self._dirs:
                    self._dirs.add((number, meta.addr))
                    yield from self._below(entry, number, f"{path}{name}/", depth)
            elif meta.type == pytsk3.TSK_FS_META_TYPE_REG:
                yield Place(f"{path}{name}", entry, is_deleted or "$OrphanFiles" in path)

    def _below(self, entry: Any, number: int, path: str, depth: int) -> Iterator[Place]:
        try:
            directory = entry.as_directory()
        except OSError:
            self._notes.limit(f"The folder {path} cannot be read.")
            return
        yield from self._walk(directory, number, path, depth + 1)

    def _look_at(self, place: Place) -> None:
        meta = place.file.info.meta
        size = int(meta.size)
        at = stamp(meta.mtime) or stamp(meta.ctime)
        self._remember(place.path, meta, size)
        is_taken = place.is_deleted and bool(int(meta.flags) & int(pytsk3.TSK_FS_META_FLAG_ALLOC))
        self._deleted += place.is_deleted
        if is_taken or (place.is_deleted and size <= 0):
            self._gone += 1
            self._notes.note(place.path, ["Deleted", "Only its name is left"], at=at)
        elif size > HASH_BYTES:
            self._large += 1
        elif size > 0:
            self._content(place, size, at)

    def _content(self, place: Place, size: int, at: str | None) -> None:
        read = _reader(place.file, size)
        found = look(place.path, read(), self._rules, self._notes)
        if place.is_deleted and (found.is_empty or not found.sha256):
            self._gone += 1
            self._notes.note(place.path, ["Deleted", "Its content is gone"], size=size, at=at)
            return
        tell(place.path, found, self._notes, at=at, extra=["Deleted"] if place.is_deleted else [])
        if found.why(self._notes):
            self._notes.event(at, f"{place.path} last changed ({', '.join(found.why(self._notes))})")
        if place.is_deleted:
            gone = stamp(place.file.info.meta.ctime)
            self._notes.event(gone, f"{place.path} ({found.size:,} bytes) was deleted at this time or later")
            if found.size == size <= report.MOST_CARRIED_BYTES:
                is_first = bool(found.hits) or found.is_program
                self._recovered.append((is_first, Carried(place.path[-1_000:], found.size, found.sha256), read))

    def _remember(self, path: str, meta: Any, size: int) -> None:
        """The latest of its times; a small heap keeps the latest of all."""
        times = [(int(getattr(meta, name, 0) or 0), word) for name, word in TIMES]
        seconds, what = max(times)
        if stamp(seconds):
            keep = heappush if len(self._latest) < LATEST else heappushpop
            keep(self._latest, (seconds, what, path, f"{size:,}"))

    def _times(self) -> Iterator[tuple[int, str | None, str, str, str]]:
        for seconds, what, path, size in sorted(self._latest, reverse=True):
            yield seconds, stamp(seconds), what, path, size

    def _carried(self) -> Iterator[bytes]:
        """Programs and what a rule named first, then as they came, each content once, while there is room."""
        chosen: list[Recover] = []
        total, known = 0, set()
        for _, one, read in sorted(self._recovered, key=lambda found: not found[0]):
            fits = total + one.size <= report.MOST_CARRIED_SUM and len(chosen) < report.MOST_CARRIED
            if one.sha256 not in known and fits:
                total, chosen = total + one.size, [*chosen, read]
                known.add(one.sha256)
                self._notes.carried.append(one)
        left = len({one.sha256 for _, one, _ in self._recovered}) - len(chosen)
        if left:
            self._notes.limit(f"{left} more deleted files can be recovered; they were hashed and not taken out.")
        return (chunk for read in chosen for chunk in read())


def _reader(file: Any, size: int) -> Recover:
    def read() -> Iterator[bytes]:
        offset = 0
        while offset < size:
            chunk = file.read_random(offset, min(CHUNK, size - offset))
            if not chunk:
                return
            offset += len(chunk)
            yield chunk

    return read
