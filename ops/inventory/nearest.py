"""The hint that a misspelt word gets."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean <the nearest known word>?`, or "" when none is near."""
    import difflib  # noqa: PLC0415 # only something wrong needs it

    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]}?" if near else ""


def nearest_or_all(word: str, known: Iterable[str], what: str, most: int = 8) -> str:
    """The nearest known word, else all there are (the first `most`)."""
    names = sorted(known)
    if not names:
        return f"no {what} is declared yet"
    shown = ", ".join(names[:most]) + (" …" if len(names) > most else "")
    return did_you_mean(word, names) or f"declared: {shown}"
