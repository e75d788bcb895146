"""Which of several exporters polls a device: rendezvous hashing, so that another number of shards moves few devices."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

from ops.errors import UsageError

_FORM = re.compile(r"([1-9]\d{0,3})/([1-9]\d{0,3})")


@dataclass(frozen=True, slots=True)
class Shard:
    """`number` of `count`, counted from 1."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """'2/8'. UsageError for anything else."""
        found = _FORM.fullmatch(text)
        if not found or int(found[1]) > int(found[2]):
            raise UsageError(f"--shard {text}: not NUMBER/COUNT", "write for example --shard 2/8, from 1/8 to 8/8")
        return cls(int(found[1]), int(found[2]))

    def has(self, device: str) -> bool:
        """Whether this shard polls it: every device belongs to exactly one of `count`."""
        return self.count == 1 or max(range(1, self.count + 1), key=lambda one: _weight(device, one)) == self.number

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def _weight(device: str, shard: int) -> bytes:
    return blake2b(f"{shard}/{device}".encode(), digest_size=8).digest()
