"""Reading tokens one after the other: what both halves of the KQL parser stand on."""

from secops.practice.kql.error import KqlError
from secops.practice.kql.tokens import Token
from secops.practice.kql.tree import Column


class Words:
    """A place in the tokens, and the steps that move it."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._place = 0

    @property
    def next(self) -> Token:
        return self._tokens[self._place]

    def advance(self) -> Token:
        token = self.next
        if token.kind != "end":
            self._place += 1
        return token

    def take(self, *texts: str) -> Token | None:
        """The next word if it is one of these (never a string that happens to read so)."""
        if self.next.kind in ("name", "mark") and self.next.text in texts:
            return self.advance()
        return None

    def need(self, text: str) -> Token:
        token = self.take(text)
        if token is None:
            raise self.unexpected(f"'{text}'")
        return token

    def is_followed_by(self, text: str) -> bool:
        """Whether the word after the next is this mark."""
        after = self._tokens[min(self._place + 1, len(self._tokens) - 1)]
        return after.kind == "mark" and after.text == text

    def name(self) -> Token:
        if self.next.kind != "name":
            raise self.unexpected("a name")
        return self.advance()

    def column(self) -> Column:
        token = self.name()
        return Column(token.text, token.at)

    def count(self) -> int:
        """A whole number from 0."""
        token = self.next
        if token.kind != "literal" or type(token.value) is not int or token.value < 0:
            raise self.unexpected("a whole number")
        self.advance()
        return int(token.value)

    def unexpected(self, wanted: str) -> KqlError:
        token = self.next
        found = "the end of the query" if token.kind == "end" else f"'{token.text}'"
        return KqlError(f"Syntax error: unexpected {found}, expected {wanted}", token.at)
