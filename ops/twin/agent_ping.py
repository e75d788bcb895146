"""`ping` on the command line of a twin's router: real echo requests from its namespace, told in the vendor's form."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import nullcontext
from statistics import mean

from ops.errors import ToolMissingError
from ops.system import netns
from ops.system.echo import Echo, echo

_ADDRESS = r"(\d+\.\d+\.\d+\.\d+)"


def answer(driver: str, text: str, namespace: str | None) -> str | None:
    """What a router with this driver answers; None when the line is no ping. `namespace` None: this machine's own."""
    if driver not in _FORMS:
        return None
    pattern, told = _FORMS[driver]
    found = re.fullmatch(pattern, text)
    if not found:
        return None
    with netns.inside(namespace) if namespace else nullcontext():
        try:
            echoes = asyncio.run(echo(found[1], 5))
        except ToolMissingError:
            return "failure: this machine lets nobody send echo requests"
    return told(found[1], echoes).replace("\n", "\r\n")


def _routeros(address: str, echoes: Echo) -> str:
    lines = ["  SEQ HOST                                     SIZE TTL TIME       STATUS"]
    for number in range(echoes.sent):
        came = number < len(echoes.seconds)
        size, time, status = ("56", _time(echoes.seconds[number]), "") if came else ("", "", "timeout")
        lines.append(f"  {number:3} {address:<40} {size:>4} {'64' if came else '':>3} {time:<10} {status}".rstrip())
    lost = round(100 * echoes.loss)
    last = f"    sent={echoes.sent} received={len(echoes.seconds)} packet-loss={lost}%"
    if echoes.seconds:
        least, middle, most = (_time(one) for one in _three(echoes))
        last += f" min-rtt={least} avg-rtt={middle} max-rtt={most}"
    return "\n".join([*lines, last])


def _vrp(address: str, echoes: Echo) -> str:
    lines = [f"  PING {address}: 56  data bytes, press CTRL_C to break"]
    for number in range(1, echoes.sent + 1):
        came = number <= len(echoes.seconds)
        time = max(1, round(echoes.seconds[number - 1] * 1000)) if came else 0
        reply = f"    Reply from {address}: bytes=56 Sequence={number} ttl=64 time={time} ms"
        lines.append(reply if came else "    Request time out")
    lines += ["", f"  --- {address} ping statistics ---", f"    {echoes.sent} packet(s) transmitted"]
    lines += [f"    {len(echoes.seconds)} packet(s) received", f"    {100 * echoes.loss:.2f}% packet loss"]
    if echoes.seconds:
        told = "/".join(str(max(1, round(one * 1000))) for one in _three(echoes))
        lines.append(f"    round-trip min/avg/max = {told} ms")
    return "\n".join(lines)


def _three(echoes: Echo) -> tuple[float, float, float]:
    return min(echoes.seconds), mean(echoes.seconds), max(echoes.seconds)


def _time(seconds: float) -> str:
    """As RouterOS 7 writes it: 1ms204us, 987us, 3ms."""
    whole, rest = divmod(round(seconds * 1_000_000), 1000)
    return (f"{whole}ms" if whole else "") + (f"{rest}us" if rest or not whole else "")


_FORMS: dict[str, tuple[str, Callable[[str, Echo], str]]] = {  # by netmiko's device type
    "mikrotik_routeros": (rf"/ping {_ADDRESS} count=5", _routeros),
    "huawei": (rf"ping -c 5 {_ADDRESS}", _vrp),
}
