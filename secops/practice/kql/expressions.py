"""Reads the expressions of a KQL query."""

from secops.practice.kql.error import KqlError
from secops.practice.kql.tree import Between, Both, Call, Column, Comparison, Expression, Literal, Membership
from secops.practice.kql.words import Words

MAX_DEPTH = 40  # brackets within brackets
OPERATORS = ("==", "!=", "=~", "!~", "<", "<=", ">", ">=", "contains", "startswith", "endswith", "has")
FUNCTIONS = ("tolower", "isempty", "isnotempty", "not", "ago")


class Expressions:
    """`whole` reads one expression from the words and stops behind it."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._depth = 0

    def whole(self) -> Expression:
        """or binds loosest, then and, then the comparison."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise KqlError("The expression is nested too deeply", self._words.next.at)
        found = self._joined("or")
        self._depth -= 1
        return found

    def _joined(self, word: str) -> Expression:
        at = self._words.next.at
        parts = [self._part_of(word)]
        while self._words.take(word):
            parts.append(self._part_of(word))
        return parts[0] if len(parts) == 1 else Both(word, tuple(parts), at)

    def _part_of(self, word: str) -> Expression:
        return self._joined("and") if word == "or" else self._comparison()

    def _comparison(self) -> Expression:
        left = self._term()
        if operator := self._words.take(*OPERATORS):
            return Comparison(operator.text, left, self._term(), operator.at)
        if membership := self._words.take("in", "in~"):
            return Membership(left, self._list(), membership.text == "in~", membership.at)
        if between := self._words.take("between"):
            self._words.need("(")
            low = self._term()
            self._words.need("..")
            high = self._term()
            self._words.need(")")
            return Between(left, low, high, between.at)
        return left

    def _list(self) -> tuple[Expression, ...]:
        self._words.need("(")
        values = [self._term()]
        while self._words.take(","):
            values.append(self._term())
        self._words.need(")")
        return tuple(values)

    def _term(self) -> Expression:
        token = self._words.next
        if token.kind == "literal":
            self._words.advance()
            return Literal(token.value, token.at)
        if self._words.take("("):
            inner = self.whole()
            self._words.need(")")
            return inner
        if word := self._words.take("true", "false"):
            return Literal(word.text == "true", word.at)
        if token.kind == "name" and self._words.is_followed_by("("):
            return self._call()
        return self._column()

    def _column(self) -> Column:
        if self._words.next.kind != "name":
            raise self._words.unexpected("an expression")
        return self._words.column()

    def _call(self) -> Call:
        name = self._words.name()
        if name.text not in FUNCTIONS:
            raise KqlError(f"Unknown function: '{name.text}'", name.at)
        self._words.need("(")
        argument = self.whole()
        self._words.need(")")
        return Call(name.text, argument, name.at)
