"""Checks the tunnel's settings: every peer has a real key, and its own address is not behind itself."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import sys
from pathlib import Path

KEY_BYTES = 32  # of Curve25519


def wrong(peer: dict[str, str]) -> str:
    """What is wrong with one peer; "" when nothing is."""
    if _key_bytes(peer["PublicKey"]) != KEY_BYTES:
        return f"{peer['PublicKey']!r} is no public key"
    endpoint = ipaddress.ip_address(peer["Endpoint"].rpartition(":")[0])
    behind = [one for one in peer["AllowedIPs"].split(", ") if endpoint in ipaddress.ip_network(one)]
    return f"error: {endpoint} would be reached through its own tunnel ({behind[0]})" if behind else ""


def _key_bytes(text: str) -> int:
    try:
        return len(base64.b64decode(text, validate=True))
    except binascii.Error:
        return 0


def main() -> None:
    peers = Path(sys.argv[1]).read_text(encoding="utf-8").split("[Peer]")[1:]
    settings = [dict(line.split(" = ", 1) for line in peer.splitlines() if " = " in line) for peer in peers]
    problems = [problem for problem in map(wrong, settings) if problem]
    sys.exit("; ".join(problems) if problems else 0)


if __name__ == "__main__":
    main()
