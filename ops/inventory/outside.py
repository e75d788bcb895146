"""Numbers of the public network, as the world's numbering plans have them (the `phonenumbers` library)."""

from __future__ import annotations


def valid(number: str) -> bool:
    """Whether an E.164 number is one of its country's plan. `62274512345` without its + would pass as another one."""
    import phonenumbers  # noqa: PLC0415 # its tables cost 0.3 s, and only regions with a trunk need them

    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(number, None)))
    except phonenumbers.NumberParseException:
        return False
