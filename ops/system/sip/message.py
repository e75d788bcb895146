"""SIP messages as bytes and as values (RFC 3261 §7, §20). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_COMPACT = {  # RFC 3261 §7.3.3: names that may come in one letter
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
    "e": "content-encoding",
    "k": "supported",
    "s": "subject",
}
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_PARAM = re.compile(r';\s*([^=;,\s"<>]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^;,\s]+))?')
VERSION = "SIP/2.0"


class MalformedError(ValueError):
    """Bytes that are no SIP message (or no SDP, RTP, challenge) as the RFC has it."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request (`method`, `uri`) or a response (`status` > 0, `reason`). Header names in lower case, order kept."""

    method: str = ""
    uri: str = ""
    status: int = 0
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=())
    body: bytes = b""

    def get(self, name: str) -> str:
        """The first value of that header, "" if there is none."""
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def branch(self) -> str:
        return param(self.get("via"), "branch")

    @property
    def cseq(self) -> tuple[int, str]:
        """Number and method; (0, "") if the header is broken."""
        number, _, method = self.get("cseq").partition(" ")
        return (int(number), method.strip()) if number.isascii() and number.isdigit() else (0, "")

    def encode(self) -> bytes:
        """The message on the wire, with the Content-Length that fits."""
        first = f"{VERSION} {self.status} {self.reason}" if self.status else f"{self.method} {self.uri} {VERSION}"
        lines = [first, *(f"{_spelling(name)}: {value}" for name, value in self.headers if name != "content-length")]
        return "\r\n".join([*lines, f"Content-Length: {len(self.body)}", "", ""]).encode() + self.body


def parse(data: bytes) -> Message:
    """Bytes of one datagram → Message. MalformedError when it is not SIP."""
    head, separator, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not separator:
        raise MalformedError("no empty line after the headers")
    try:
        text = head.decode()
    except UnicodeDecodeError:
        raise MalformedError("headers are not UTF-8") from None
    first, *lines = re.sub(r"\r\n[ \t]+", " ", text).split("\r\n")
    headers = tuple(_header(line) for line in lines)
    method, uri, status, reason = _first(first)
    message = Message(method, uri, status, reason, headers, body)
    return Message(method, uri, status, reason, headers, body[: _length(message)])


def param(value: str, name: str) -> str:
    """A `;name=value` of a header value, outside its <uri> and its quoted name; "" if there is none."""
    outside = re.sub(r'^\s*"(?:[^"\\]|\\.)*"', "", value)
    outside = outside.partition(">")[2] if "<" in outside else outside
    for found in _PARAM.finditer(outside):
        if found[1].lower() == name:
            return (found[2] or "").strip('"')
    return ""


def uri_of(value: str) -> str:
    """The URI in a From, To, Contact or Route value."""
    outside = re.sub(r'^\s*"(?:[^"\\]|\\.)*"', "", value)
    if "<" in outside:
        return outside.partition("<")[2].partition(">")[0].strip()
    return outside.partition(";")[0].strip()


def _first(line: str) -> tuple[str, str, int, str]:
    if line.startswith(VERSION + " "):
        status, _, reason = line[len(VERSION) + 1 :].partition(" ")
        if not re.fullmatch(r"[1-6]\d\d", status, re.ASCII):
            raise MalformedError(f"status {status!r}")
        return "", "", int(status), reason
    words = line.split(" ")
    if len(words) != 3 or words[2] != VERSION or not _TOKEN.fullmatch(words[0]) or not words[1]:  # noqa: PLR2004 # method, URI, version
        raise MalformedError("neither a request nor a response line")
    return words[0], words[1], 0, ""


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    name = name.strip().lower()
    if not colon or not _TOKEN.fullmatch(name):
        raise MalformedError(f"not a header: {line[:40]!r}")
    return _COMPACT.get(name, name), value.strip()


def _length(message: Message) -> int | None:
    told = message.get("content-length")
    if not told:
        return None
    if not (told.isascii() and told.isdigit()):
        raise MalformedError(f"Content-Length {told!r}")
    if int(told) > len(message.body):
        raise MalformedError("body shorter than Content-Length")
    return int(told)


def _spelling(name: str) -> str:
    special = {"call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate"}
    return special.get(name, "-".join(word.capitalize() for word in name.split("-")))
