"""
What a user reads: one text in Dutch and in English, side by side.

Dutch comes first, because the working group, the operators and the reviewers are Dutch. A text is
written where it is used, in both languages at once, so that no language can lag behind.
"""

from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    """Language of everything a user reads."""

    NL = "nl"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Text:
    """One text in both languages."""

    nl: str
    en: str

    def to(self, language: Language) -> str:
        """Return the text in one language."""
        return self.nl if language is Language.NL else self.en

    def __str__(self) -> str:
        """Return the English text: logs and tracebacks are read by engineers."""
        return self.en
