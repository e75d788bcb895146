"""Asterisk's configuration files, read as Asterisk reads them, but strictly: what it skips in silence is a fault here.

A release is a set of files by name. Its entries are `_region.<type>.conf`; they include the offices' files one by one
as `#tryinclude current/<name>`. Standard library only: this also runs on the exchange (role pbx).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

FOLDER = "current/"  # the link to the release in force, as files include each other
LONGEST = 8000  # bytes of a line; Asterisk skips longer ones than 8190
REGION = "_region."

_HEADER = re.compile(r"^\[([^\]\[]+)\](?:\(([^()]*)\))?$")
_INCLUDE = re.compile(r"^#(\w+)\s*(.*)$", re.ASCII)
_OPTION = re.compile(r"^([^=>\s][^=]*?)\s*=>?\s*(.*)$", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_BLANK = " \t"  # what Asterisk takes off at the ends of a line; Unicode has more blanks
_BARE = re.compile(r"(?<!\\);")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong. `at`: file:line, or a file's name."""

    at: str
    what: str

    def __str__(self) -> str:
        return f"{self.at} {self.what}"


@dataclass(frozen=True, slots=True)
class Option:
    name: str
    value: str
    at: str


@dataclass(slots=True)
class Section:
    """`[name](!,bases)`; `options` are its own, `whole()` those of its bases before them."""

    name: str
    at: str
    template: bool = False
    bases: list[Section] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    _whole: list[Option] | None = None

    def whole(self) -> list[Option]:
        """Asked for only when all files are read."""
        if self._whole is None:
            self._whole = [*(option for base in self.bases for option in base.whole()), *self.options]
        return self._whole

    def first(self, name: str) -> str:
        """The value that counts: the last one written; "" when there is none."""
        return next((option.value for option in reversed(self.whole()) if option.name == name), "")


@dataclass(slots=True)
class Document:
    """All sections of an entry and of what it includes, in their order."""

    sections: list[Section] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    read: set[str] = field(default_factory=set)

    def objects(self) -> Iterator[Section]:
        return (section for section in self.sections if not section.template)


def read(files: Mapping[str, str], entry: str) -> Document:
    """The file `entry` with everything that it includes."""
    document = Document()
    _Reader(files, document).file(entry, entry)
    return document


def entries(files: Iterable[str]) -> list[str]:
    return sorted(name for name in files if name.startswith(REGION))


def unescaped(value: str) -> str:
    return value.replace("\\;", ";")


class _Reader:
    def __init__(self, files: Mapping[str, str], document: Document) -> None:
        self.files, self.document = files, document
        self.open: Section | None = None
        self.templates: dict[str, Section] = {}

    def fault(self, at: str, what: str) -> None:
        self.document.faults.append(Fault(at, what))

    def file(self, name: str, at: str) -> None:
        if name in self.document.read:
            return self.fault(at, f"{name} is included twice")
        self.document.read.add(name)
        text = self.files.get(name)
        if text is None:
            return self.fault(at, f"includes {name}, which is not in the release")
        if not text.strip():
            self.fault(name, "is empty")
        elif not text.endswith("\n"):
            self.fault(name, "ends in the middle of a line")
        above, self.open = self.open, None
        for number, line in enumerate(text.split("\n"), 1):
            self.line(line, f"{name}:{number}")
        self.open = above
        return None

    def line(self, raw: str, at: str) -> None:
        text = raw.strip(_BLANK)
        if len(raw.encode()) > LONGEST:
            return self.fault(at, f"is longer than {LONGEST} bytes: Asterisk would skip it")
        if _CONTROL.search(raw):
            return self.fault(at, "holds a control character")
        if ";--" in re.sub(r"\\;", "", text):
            return self.fault(at, "begins a block comment, which swallows what follows")
        if not text or text.startswith(";"):
            return None
        if _BARE.search(text):
            self.fault(at, "a `;` that is not escaped cuts the line short")
            text = _BARE.split(text)[0].strip()
        if text.startswith("["):
            return self.header(text, at)
        return self.include(text, at) if text.startswith("#") else self.option(text, at)

    def header(self, text: str, at: str) -> None:
        found = _HEADER.match(text)
        if not found:
            self.open = None
            return self.fault(at, f"{text[:40]!r} is no section's head")
        words = [word.strip() for word in found[2].split(",")] if found[2] is not None else []
        section = self.open = Section(found[1], at, "!" in words)
        for word in words:
            if word == "+":
                self.fault(at, "adds to another section: which one it meant depends on the order of files")
            elif word != "!" and word in self.templates:
                section.bases.append(self.templates[word])
            elif word != "!":
                self.fault(at, f"the template {word!r} is not defined above")
        if section.template:
            if section.name in self.templates:
                self.fault(at, f"the template {section.name} is defined twice")
            self.templates[section.name] = section
        self.document.sections.append(section)
        return None

    def include(self, text: str, at: str) -> None:
        found = _INCLUDE.match(text)
        word, path = (found[1], found[2].strip('"<> ')) if found else ("", "")
        if word != "tryinclude":
            return self.fault(at, f"#{word}: only #tryinclude, or one missing file costs the exchange all others")
        if "*" in path or "?" in path:
            return self.fault(at, "includes by wildcard: every reload would read everything again")
        if not path.startswith(FOLDER):
            return self.fault(at, f"includes {path}, which is no file of the release ({FOLDER}…)")
        return self.file(path.removeprefix(FOLDER), at)

    def option(self, text: str, at: str) -> None:
        found = _OPTION.match(text)
        if not found:
            return self.fault(at, "is neither a section nor `name = value`")  # not quoted: it may be half a password
        if self.open is None:
            return self.fault(at, f"{found[1]} stands in no section")
        self.open.options.append(Option(found[1].strip(_BLANK), found[2].strip(_BLANK), at))
        return None
