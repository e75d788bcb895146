"""A telephone that speaks SIP by TLS and hears SRTP (RFC 3711, 4568), for tests: it proves what it got."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import socket
import ssl
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ops.system import netns
from ops.system.sip import digest, message
from ops.system.sip.dialog import Dialog, Party, again, opening, request, with_body
from ops.system.sip.message import Message
from ops.system.sip.place import Account, Place

SUITE, TAG = "AES_CM_128_HMAC_SHA1_80", 10
_OFFER = """v=0\r
o=- 1 1 IN IP4 {at}\r
s=-\r
c=IN IP4 {at}\r
t=0 0\r
m=audio {port} {profile} 8\r
a=rtpmap:8 PCMA/8000\r
"""


class SecurePhone:
    def __init__(self, account: Account, place: Place, authority: str | None) -> None:
        assert place.namespace
        self.account, self.place = account, place
        with netns.inside(place.namespace):
            plain = socket.socket()
            self.sound = socket.socket(type=socket.SOCK_DGRAM)
        plain.settimeout(60)
        plain.bind((place.address, 0))
        plain.connect(account.server)
        try:
            trusting = ssl.create_default_context(cafile=authority)
            self.door = trusting.wrap_socket(plain, server_hostname=account.server[0])
        except ssl.SSLError:
            plain.close()
            self.sound.close()
            raise
        self.sound.settimeout(60)
        self.sound.bind((place.address, 0))
        self.me = Party(account.number, account.domain, place.address, self.door.getsockname()[1])

    def register(self) -> Message:
        where = f"sip:{self.account.domain}"
        return self.asked(request(self.me, "REGISTER", where, opening(self.me, self.me.uri), 1))

    def call(self, number: str, profile: str = "RTP/SAVP") -> tuple[Message, bytes]:
        """The final answer to an INVITE, and the master key and salt that were offered."""
        key = secrets.token_bytes(30)
        body = _OFFER.format(at=self.place.address, port=self.sound.getsockname()[1], profile=profile)
        if profile.endswith("SAVP"):
            body += f"a=crypto:1 {SUITE} inline:{base64.b64encode(key).decode()}\r\n"
        uri = f"sip:{number}@{self.account.domain}"
        dialog: Dialog = opening(self.me, uri)
        answer = self.asked(with_body(request(self.me, "INVITE", uri, dialog, 1), body.encode()))
        acknowledged = request(self.me, "ACK", uri, dialog, answer.cseq[0])
        headers = tuple((name, answer.get("to") if name == "to" else value) for name, value in acknowledged.headers)
        self.send(Message("ACK", uri, headers=headers))
        return answer, key

    def heard(self) -> bytes:
        return self.sound.recv(2048)

    def asked(self, sent: Message) -> Message:
        """The final answer, after the challenge was met."""
        self.send(sent)
        answer = self.final()
        if answer.status in {401, 407}:
            name = "authorization" if answer.status == 401 else "proxy-authorization"
            challenge = digest.choose(value for key, value in answer.headers if key.endswith("-authenticate"))
            who = digest.Credentials(self.account.number, self.account.password)
            proof = digest.answer(challenge, who, digest.Ask(sent.method, sent.uri, "0badc0de"))
            self.send(again(sent, 2, name, proof))
            answer = self.final()
        return answer

    def send(self, one: Message) -> None:
        headers = tuple((key, re.sub("/UDP ", "/TLS ", value) if key == "via" else value) for key, value in one.headers)
        headers = tuple(
            (key, value.replace(">", ";transport=tls>") if key == "contact" else value) for key, value in headers
        )
        self.door.sendall(Message(one.method, one.uri, headers=headers, body=one.body).encode())

    def final(self) -> Message:
        while True:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += self.door.recv(1)
            size = int(re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)[1])  # type: ignore[index]
            body = b""
            while len(body) < size:
                body += self.door.recv(size - len(body))
            found = message.parse(head + body)
            if found.status >= 200:
                return found

    def close(self) -> None:
        self.door.close()
        self.sound.close()


def key_of(body: bytes) -> bytes:
    """Master key and salt that a description names; b"" when it names none."""
    found = re.search(rf"a=crypto:\d+ {SUITE} inline:([A-Za-z0-9+/=]+)", body.decode())
    return base64.b64decode(found[1]) if found else b""


def authentic(packet: bytes, key: bytes) -> bool:
    """Whether an SRTP packet was made with that master key (RFC 3711 §4.3; its first 65,536 packets)."""
    salt = int.from_bytes(key[16:30], "big") ^ (1 << 48)  # label 1: authentication
    counter = (salt << 16).to_bytes(16, "big")
    derived = Cipher(algorithms.AES(key[:16]), modes.CTR(counter)).encryptor().update(bytes(20))
    made = hmac.new(derived, packet[:-TAG] + struct.pack("!I", 0), hashlib.sha1).digest()
    return hmac.compare_digest(made[:TAG], packet[-TAG:])
