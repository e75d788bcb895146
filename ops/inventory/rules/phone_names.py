"""A name fits the screen of a telephone, is seen there as it is written, and is no command to it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import numbers

_SEEN = "LNPS"  # general categories of what has a shape of its own; joiners and marks need another character
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and a symbol that are blank all the same
_LONGEST = 40  # characters on the smallest screen, scrolled once
# Controls, what turns the writing round or joins nothing (Unicode UAX 9, general category Cf), and no characters.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)


def check(region: Region) -> Iterable[Finding]:
    for _, thing in numbers(region):
        if len(thing.name) > _LONGEST:
            what = f"{len(thing.name)} characters, a telephone shows {_LONGEST}"
            yield Finding(thing, "name", what, "write it shorter")
        if thing.name.lstrip().startswith("*"):
            yield Finding(thing, "name", f"{thing.name} begins like a code that is dialled", "begin with a letter")
        if not any(unicodedata.category(sign)[0] in _SEEN and sign not in _BLANKS for sign in thing.name):
            yield Finding(thing, "name", "nothing that a screen shows", "write a name")
        if unseen := _UNSEEN.search(thing.name):
            what = f"holds the character U+{ord(unseen[0]):04X}, which no screen shows"
            yield Finding(thing, "name", what, "type the name anew instead of copying it")
