"""English text → Indonesian text, from all .po files of `id/`."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "id"


def indonesian() -> dict[str, str]:
    """All texts that have an Indonesian one. A text with a plural has one form: nouns do not change with numbers."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.po")):
        found |= read(path)
    return found


def read(path: Path) -> dict[str, str]:
    """One file's texts; fuzzy and empty ones are as good as missing."""
    from babel.messages.pofile import read_po  # noqa: PLC0415 # 0.05 s that English does not need

    with path.open("rb") as file:
        catalogue = read_po(file, locale="id", abort_invalid=True)
    found: dict[str, str] = {}
    for message in catalogue:
        if message.fuzzy or not message.id:
            continue
        key = message.id if isinstance(message.id, str) else message.id[0]
        forms = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
        if forms and forms[0]:
            found[key] = forms[0]
    return found
