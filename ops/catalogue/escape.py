"""How a value stands in a file of each format. The one place: templates write `{{ phone.name }}` and can not forget it.

`xml` holds for text and for attributes alike, in either kind of quotes. `lines` is `key = value`, one a line, without
any escaping of its own: what would end the line, or is a word of the telephone's, can not stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_ENDS_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # ends a line somewhere, or is no text at all
_TURNS = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # turn round what follows (Unicode UAX 9)
_NOT_XML = re.compile(r"[\ud800-\udfff\ufffe\uffff]")
_HARMLESS = re.compile(r"[A-Za-z0-9:/_{}@+.,-](?:[A-Za-z0-9 :/_{}@+.,-]*[A-Za-z0-9:/_{}@+.,-])?")  # nearly all of them
_XML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"})
_CLEARS = re.compile(r"%(?=NULL%)")  # Yealink takes a value away that is %NULL%

Escape = Callable[[object], str]


def one_line(text: str) -> str:
    """What is left of a text that must stay on its line and on its screen; no blanks at its ends."""
    return _NOT_XML.sub("", _TURNS.sub("", _ENDS_LINE.sub(" ", text))).strip()


def xml(value: object) -> str:
    """A value as XML text or attribute (XML 1.0 §2.2, §2.4). ValueError for none."""
    text = _text(value)
    return text if _HARMLESS.fullmatch(text) else one_line(text).translate(_XML)


def line(value: object) -> str:
    """A value behind `key = `. ValueError for none."""
    text = _text(value)
    return text if _HARMLESS.fullmatch(text) else _CLEARS.sub("% ", one_line(text))


def _text(value: object) -> str:
    if value is None or isinstance(value, bool):
        raise ValueError(f"{value} is no value of a telephone's file")  # a word of Python's in it would be a mistake
    return str(value)


ESCAPES: Mapping[str, Escape] = {"xml": xml, "lines": line}
