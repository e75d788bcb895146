"""What a rule finds wrong, and how it becomes a Problem with the place and the name of the very value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ops.errors import Problem
from ops.inventory.document import Document
from ops.inventory.model import Declared


@dataclass(frozen=True, slots=True)
class Finding:
    """`thing`: what holds the fault · `key`: which value in it, as `contract.upload` or `rides.1`; "" for all of it."""

    thing: Declared
    key: str
    what: str  # a whole clause, with the value that is wrong and the one that it is wrong against
    hint: str = ""


def locate(findings: Iterable[Finding], documents: Mapping[str, Document]) -> list[Problem]:
    """Every finding with file:line:column of the value and its name as written, links[wan].lan."""
    return [_locate(finding, documents) for finding in findings]


def _locate(finding: Finding, documents: Mapping[str, Document]) -> Problem:
    document = documents.get(finding.thing.at.rsplit(":", 2)[0])
    path = document.mappings.get(finding.thing.at) if document else None
    if document is None or path is None:  # a thing that was made in Python, not read
        return Problem(finding.thing.at, f"{finding.key}: {finding.what}", finding.hint)
    whole = document.below(path, finding.key)
    name = document.written(whole)
    return Problem(document.place(whole), f"{name}: {finding.what}" if name else finding.what, finding.hint)
