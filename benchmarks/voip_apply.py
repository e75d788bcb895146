"""Does changing the exchange's configuration drop a call or lose a registration? Real Asterisk, real calls by SIPp.

`sudo .venv/bin/python benchmarks/voip_apply.py [--calls 50] [--applies 25] [--endpoints 1000]`; needs root, the twin's
image with Asterisk, and sipp (apt-get install sip-tester). Calls run between two offices with sound both ways while
names and dialplan change under them; one call of our own measures the longest silence between two of its packets.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from throwaway_asterisk import Exchange, exchange  # noqa: E402
from voip_release import grown  # noqa: E402

from ops.derive import pbx  # noqa: E402
from ops.inventory.model import Region  # noqa: E402
from ops.plan.change import Artifact  # noqa: E402
from ops.system.sip.agent import Agent  # noqa: E402
from ops.system.sip.media import Media  # noqa: E402
from ops.system.sip.place import Account, Place  # noqa: E402

CALLERS, CALLEES = 20100, 20200  # first numbers of two offices
OWN = "20300", "20400"  # the call that is measured
WAITING, CALLING = 5081, 5082  # ports of SIPp
_HEAD = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="{name}">"""
_REGISTER = """REGISTER sip:{domain} SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@{domain}>;tag=[pid]r[call_number]
To: <sip:[field0]@{domain}>
Call-ID: [call_id]
CSeq: {cseq} REGISTER
Contact: <sip:[field0]@[local_ip]:{port}>
Expires: 3000
Max-Forwards: 70
{auth}Content-Length: 0

"""
_INVITE = """{method} sip:{at} SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@{domain}>;tag=[pid]i[call_number]
To: <sip:[field2]@{domain}>{to}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
{auth}"""
_SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000

"""
_AUTH = "[field1]\n"  # the whole word stands in the list


_ANSWER = """SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:];tag=[pid]a[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
"""


def _send(text: str, more: str = 'retrans="500"') -> str:
    return f"<send {more}><![CDATA[\n\n{text}]]></send>"


def answering() -> str:
    """Answer with A-law and send back what is heard (-rtp_echo)."""
    sound = _SDP.replace("[rtpstream_audio_port]", "[media_port]")
    ended = _ANSWER.format(status="200 OK").replace(";tag=[pid]a[call_number]", "")
    return (
        _HEAD.format(name="answering")
        + '<recv request="INVITE"/>'
        + _send(_ANSWER.format(status="200 OK") + sound)
        + '<recv request="ACK"/><recv request="BYE"/>'
        + _send(ended + "Content-Length: 0\n\n", "")
        + "</scenario>"
    )


def register(domain: str) -> str:
    first = _REGISTER.format(domain=domain, cseq=1, port=WAITING, auth="")
    second = _REGISTER.format(domain=domain, cseq=2, port=WAITING, auth=_AUTH)
    answer = '<recv response="100" optional="true"/><recv response="{}" {}/>'.format
    return (
        _HEAD.format(name="register")
        + _send(first)
        + answer(401, 'auth="true"')
        + _send(second)
        + answer(200, "")
        + "</scenario>"
    )


def calling(domain: str, seconds: int, sound: Path) -> str:
    """Call, send sound for that long, hang up. The exchange asks for a digest once."""

    def message(method: str, cseq: int, auth: str = "") -> str:
        begun = method == "INVITE" or (method == "ACK" and cseq == 1)  # what answers a refusal goes where it came from
        at = f"[field2]@{domain}" if begun else "[remote_ip]:5060"
        to = "" if method == "INVITE" else "[peer_tag_param]"
        return _INVITE.format(method=method, at=at, domain=domain, to=to, cseq=cseq, auth=auth)

    first, second = message("INVITE", 1) + _SDP, message("INVITE", 2, _AUTH) + _SDP
    refused, ack, bye = message("ACK", 1), message("ACK", 2), message("BYE", 3)
    empty = "Content-Length: 0\n\n"
    return (
        _HEAD.format(name="calling")
        + _send(first)
        + '<recv response="100" optional="true"/><recv response="401" auth="true"/>'
        + _send(refused + empty, "")
        + _send(second)
        + '<recv response="100" optional="true"/><recv response="180" optional="true"/>'
        + '<recv response="183" optional="true"/><recv response="200"/>'
        + _send(ack + empty, "")
        + f'<nop><action><exec rtp_stream="{sound},-1,8"/></action></nop><pause milliseconds="{seconds * 1000}"/>'
        + _send(bye + empty)
        + '<recv response="200"/></scenario>'
    )


class Timed(Media):
    """Remembers when sound came."""

    def __init__(self, frequency: int) -> None:
        super().__init__(frequency)
        self.came: list[float] = []

    def datagram_received(self, data: bytes, source: Any) -> None:
        self.came.append(time.perf_counter())
        super().datagram_received(data, source)


class Listener(Agent):
    async def _sound(self) -> Media:
        media = Timed(self.frequency)
        await self._open(media, "RTP")
        self._media.append(media)
        return media


def sipp(running: Exchange, region: Region, folder: Path, *words: str) -> subprocess.Popen[bytes]:
    station, server = str(region.station.address), str(region.server("dc-pbx").address)
    argv = ["ip", "netns", "exec", running.namespace, "sipp", server, "-i", station, "-mi", station, "-nostdin", *words]
    log = (folder / f"{words[1].rpartition('/')[2]}.log").open("wb")
    return subprocess.Popen(argv, cwd=folder, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


def counted(folder: Path) -> tuple[int, int]:
    """(calls that went well, calls that failed) as SIPp wrote at its end."""
    (path,) = folder.glob("calling*.csv")
    last = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter=";"))[-1]
    return int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"])


def contacts(running: Exchange) -> int:
    """Registrations of those that SIPp registered."""
    return running.cli("database show registrar/contact").count(f"/registrar/contact/{CALLEES // 100}")


def write(running: Exchange, region: Region, folder: Path, calls: int, seconds: int) -> None:
    """Scenarios, who they are for, and half a minute of sound."""
    secret = running.secrets.get
    rows = [(str(CALLEES + at), str(CALLERS + at)) for at in range(calls)]

    def who(number: str) -> str:
        return f"{number};[authentication username={number} password={secret(f'voip/{number}')}];"

    callees = "".join(f"{who(callee)}\n" for callee, _ in rows)
    callers = "".join(f"{who(caller)}{callee};\n" for callee, caller in rows)
    (folder / "callees.csv").write_text("SEQUENTIAL\n" + callees)
    (folder / "callers.csv").write_text("SEQUENTIAL\n" + callers)
    (folder / "sound.alaw").write_bytes(bytes(0x55 ^ (at * 37 % 128) for at in range(8000 * 30)))
    (folder / "answering.xml").write_text(answering())
    (folder / "register.xml").write_text(register(region.domain))
    (folder / "calling.xml").write_text(calling(region.domain, seconds, folder / "sound.alaw"))


def unasked(region: Region) -> list[Artifact]:
    """SIPp does not answer when it is asked whether it is there, so it is not asked."""
    return [
        dataclasses.replace(one, content=one.content.replace("qualify_frequency=60", "qualify_frequency=0"))
        for one in pbx.artifacts(region)
    ]


def changed(region: Region, at: int) -> Region:
    """A name is another one each time; every fifth time an office loses its test extension, or has it back."""
    offices = list(region.opds)
    target = offices[5]
    assert target.phones
    made = list(target.phones.extensions)
    made[7] = made[7].model_copy(update={"name": f"Pegawai kali {at}"})
    if at // 5 % 2:
        made = [one for one in made if one.place != "test"]
    offices[5] = target.model_copy(update={"phones": target.phones.model_copy(update={"extensions": tuple(made)})})
    return region.model_copy(update={"opds": tuple(offices)})


async def measured_call(running: Exchange, region: Region, applies: int, pause: float) -> dict[str, Any]:
    """One call of our own while everything is applied; the longest silence, with and without applies."""
    server, at = (str(region.server("dc-pbx").address), 5060), Place(str(region.station.address), running.namespace)
    a, b = (
        Listener(Account(number, running.secrets.get(f"voip/{number}"), region.domain, server), at, hertz)
        for number, hertz in zip(OWN, (1000, 600), strict=True)
    )
    offices = [[one for one in pbx.artifacts(changed(region, at)) if "/o005." in one.key] for at in range(applies)]
    took: list[float] = []
    said: list[str] = []
    async with a, b:
        await b.register()
        call = await a.call(OWN[1])
        await asyncio.sleep(10)
        quiet = time.perf_counter()
        for number in range(applies):
            running.put(offices[number])
            begun = time.perf_counter()
            answer = await asyncio.to_thread(running.take_up)
            took.append(time.perf_counter() - begun)
            said += [answer] if answer else []
            await asyncio.sleep(pause)
        ended = time.perf_counter()
        await asyncio.sleep(5)
        await a.hang_up(call)
    came = call.media.came  # type: ignore[attr-defined] # it is a Timed
    gaps = [(later - sooner, later) for sooner, later in pairwise(came)]
    during = [gap for gap, when in gaps if quiet < when < ended]
    return {
        "applies": applies,
        "failed applies": said,
        "apply_wall_s": {"median": round(sorted(took)[len(took) // 2], 2), "max": round(max(took), 2)},
        "longest RTP gap ms, before applies": round(max(gap for gap, when in gaps if when <= quiet) * 1000),
        "longest RTP gap ms, during applies": round(max(during) * 1000),
        "99th of 100 RTP gaps ms, during": round(sorted(during)[len(during) * 99 // 100] * 1000),
        "packets heard": len(came),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--applies", type=int, default=25)
    parser.add_argument("--endpoints", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=150, help="how long each call lasts")
    chosen = parser.parse_args()
    region = grown(chosen.endpoints)
    addresses = [str(region.server("dc-pbx").address), str(region.station.address)]
    with tempfile.TemporaryDirectory() as name, exchange(unasked(region), addresses) as running:
        found = against(running, region, Path(name), chosen)
    print(json.dumps(found))
    return 0 if found["dropped calls"] == found["lost registrations"] == 0 and not found["failed applies"] else 1


def against(running: Exchange, region: Region, folder: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    write(running, region, folder, chosen.calls, chosen.seconds)
    some = str(chosen.calls)
    waiting = sipp(running, region, folder, "-sf", "answering.xml", "-rtp_echo", "-p", str(WAITING), "-mp", "40000")
    time.sleep(1)  # it must answer when it is asked whether it is there
    done = sipp(running, region, folder, "-sf", "register.xml", "-inf", "callees.csv", "-m", some, "-r", "50",
                "-p", "5083").wait(120)  # fmt: skip
    before = contacts(running)
    callers = sipp(running, region, folder, "-sf", "calling.xml", "-inf", "callers.csv", "-m", some, "-l", some,
                   "-r", "10", "-p", str(CALLING), "-trace_stat", "-fd", "5", "-trace_err")  # fmt: skip
    try:
        time.sleep(chosen.calls / 10 + 3)
        up = running.cli("core show channels count")
        report = asyncio.run(measured_call(running, region, chosen.applies, 1.0))
        still = running.cli("core show channels count")
        after = contacts(running)
        callers.wait(chosen.seconds + 120)
    finally:
        for child in (callers, waiting):
            child.terminate()
            child.wait(10)
    good, failed = counted(folder)
    return {
        "calls": chosen.calls,
        "endpoints": chosen.endpoints,
        "registered (exit of SIPp)": done,
        "calls up when applies began": _up(up),
        "calls up when they ended": _up(still),
        "calls that ended as they should": good,
        "dropped calls": failed + chosen.calls - good - failed,
        "registrations": before,
        "lost registrations": before - after,
        **report,
    }


def _up(shown: str) -> int:
    return int(shown.partition(" active call")[0].rpartition("\n")[2])


if __name__ == "__main__":
    sys.exit(main())
