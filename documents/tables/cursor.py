"""A place in a question's tokens, and the steps that a parser takes from there."""

from dataclasses import dataclass

from documents.tables.schema import Column, Table
from documents.tables.tokens import Token


class NotUnderstood(Exception):
    """This reading of the question is no plan."""


@dataclass
class Cursor:
    """Reads tokens from left to right. Each step that does not fit raises NotUnderstood or says False."""

    tokens: list[Token]
    table: Table
    at: int = 0

    def current(self) -> Token:
        """The token here."""
        if self.at >= len(self.tokens):
            raise NotUnderstood
        return self.tokens[self.at]

    def token(self) -> Token:
        """The token here, taken."""
        token = self.current()
        self.at += 1
        return token

    def kind(self, *kinds: str) -> bool:
        """Whether the token here is of such a kind."""
        return self.at < len(self.tokens) and self.tokens[self.at].kind in kinds

    def take_kind(self, kind: str) -> bool:
        """Take the token here if it is of this kind."""
        if self.kind(kind):
            self.at += 1
            return True
        return False

    def peek(self, word: str) -> bool:
        """Whether this keyword is here."""
        return self.kind("word") and self.tokens[self.at].text == word

    def take(self, word: str) -> bool:
        """Take this keyword if it is here."""
        if self.peek(word):
            self.at += 1
            return True
        return False

    def word(self) -> str:
        """The keyword here, taken."""
        if not self.kind("word"):
            raise NotUnderstood
        return self.token().text

    def column(self) -> Column:
        """The column named here, taken."""
        if not self.kind("column"):
            raise NotUnderstood
        return self.table.columns[self.token().column]

    def next_is(self, *words: str) -> bool:
        """Whether one of these keywords comes after the token here."""
        following = self.tokens[self.at + 1 : self.at + 2]
        return bool(following) and following[0].kind == "word" and following[0].text in words

    def next_kind(self) -> str:
        """The kind of the token after the one here."""
        following = self.tokens[self.at + 1 : self.at + 2]
        return following[0].kind if following else ""
