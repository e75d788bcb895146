"""Reports as files: written beside, then renamed, so that nobody ever reads half of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ops.errors import OpsError
from ops.reports.render import render
from ops.texts import Language

MONTHLY: tuple[tuple[str, Language], ...] = (("html", "id"), ("html", "en"), ("pdf", "id"), ("json", "en"))


def folder_of(state: Path, period: str) -> Path:
    return state / "reports" / period


def name_of(name: str, form: str, language: Language) -> str:
    """JSON has no language."""
    return f"{name}.json" if form == "json" else f"{name}.{language}.{form}"


def write(
    folder: Path, name: str, facts: Mapping[str, Any], forms: Iterable[tuple[str, Language]] = MONTHLY
) -> list[Path]:
    """The same facts in several forms. OpsError when a file can not be written."""
    return [put(folder / name_of(name, form, language), render(facts, form, language)) for form, language in forms]


def put(path: Path, content: bytes) -> Path:
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh.write_bytes(content)
        fresh.replace(path)
    except OSError as error:
        raise OpsError(f"{path}: {error.strerror}") from None
    return path
