"""YARA-X over bytes, by rules that were given as text; a rule file that does not compile stops no other."""

from collections.abc import Iterable
from dataclasses import dataclass

from yara_x import CompileError, Compiler, ScanError, Scanner
from yara_x import TimeoutError as TooSlowError

from enrichment.forensics.notebook import Notebook

SECONDS = 20  # of one scan
WINDOW = 16 * 2**20  # bytes of a large item that are scanned at once
OVERLAP = 2**16


@dataclass(frozen=True, slots=True)
class Hit:
    rule: str
    meaning: str

    def __str__(self) -> str:
        return f"YARA: {self.rule}"


class Rules:
    """Compiled once for an item."""

    def __init__(self, sources: Iterable[tuple[str, str]], notebook: Notebook) -> None:
        """`sources` are (name of the file, its text)."""
        compiler = Compiler()
        self._notebook, self.count = notebook, 0
        for number, (name, text) in enumerate(sources):
            compiler.new_namespace(f"f{number}")
            try:
                compiler.add_source(text)
                self.count += 1
            except CompileError as error:
                notebook.limit(f"YARA rules {name} were left out: {str(error).splitlines()[0]}")
        self._scanner = Scanner(compiler.build())
        self._scanner.set_timeout(SECONDS)

    def scan(self, content: bytes, name: str) -> list[Hit]:
        """Rules that match, private and global ones aside."""
        try:
            found = self._scanner.scan(content).matching_rules
        except (ScanError, TooSlowError) as error:
            self._notebook.limit(f"YARA did not finish on {name}: {error}")
            return []
        return [Hit(rule.identifier, str(dict(rule.metadata).get("description", ""))) for rule in found]
