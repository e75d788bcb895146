"""Words for people in their language: English stands in the code, Indonesian in the .po files of `id/`.

One .po file per owner (`web.po`, `overview.po`, `reports.po`), so that nobody's words collide; all are read as one.
In Python: `words.text("{n} offices", n=3)`; in templates `_("{n} offices", n=3)`. A text that is kept in a table and
translated later is marked: `mark("Jobs")`.
"""

from __future__ import annotations

from functools import cache

from ops.texts.catalogue import indonesian
from ops.texts.words import NONE, Language, Words

__all__ = ["LANGUAGES", "NONE", "Language", "Words", "mark", "words"]
LANGUAGES: tuple[Language, ...] = ("id", "en")  # the first is what people get who have not chosen


@cache
def words(language: Language) -> Words:
    """The words of a language. Indonesian is read at first use, 30 ms."""
    return Words(language, indonesian() if language == "id" else {})


def mark(text: str) -> str:
    """The text itself; tells those who collect texts that it is one."""
    return text
