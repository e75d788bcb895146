"""The requests and answers of a telephone, built from values (RFC 3261 §8, §12, §17.1.1.3). Pure."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from ops.system.sip.message import VERSION, MalformedError, Message, param, uri_of

AGENT = "kominfo-ops"
ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY"
MAGIC = "z9hG4bK"  # every branch begins with it (§8.1.1.7)


@dataclass(frozen=True, slots=True)
class Party:
    """Who we are: number and domain, and the address and port that we listen on."""

    user: str
    domain: str
    address: str
    port: int

    @property
    def uri(self) -> str:
        return f"sip:{self.user}@{self.domain}"

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@{self.address}:{self.port}>"


@dataclass(frozen=True, slots=True)
class Dialog:
    """One call as both sides know it. `local` and `remote` are From/To values with their tags."""

    call_id: str
    local: str
    remote: str
    target: str
    routes: tuple[str, ...] = ()


def token() -> str:
    """A random word for branches, tags and call ids."""
    return secrets.token_hex(8)


def request(me: Party, method: str, uri: str, dialog: Dialog, cseq: int) -> Message:
    """A request in a dialog (or before it, when `remote` has no tag yet), with a fresh branch."""
    headers = [
        ("via", f"{VERSION}/UDP {me.address}:{me.port};branch={MAGIC}{token()};rport"),
        ("max-forwards", "70"),
        ("from", dialog.local),
        ("to", dialog.remote),
        ("call-id", dialog.call_id),
        ("cseq", f"{cseq} {method}"),
        ("contact", me.contact),
        ("user-agent", AGENT),
        *(("route", route) for route in dialog.routes),
    ]
    return Message(method, uri, headers=tuple(headers))


def opening(me: Party, to: str) -> Dialog:
    """What stands before a dialog: our tag, no tag of theirs."""
    return Dialog(token(), f"<{me.uri}>;tag={token()}", f"<{to}>", to)


def with_header(message: Message, name: str, value: str) -> Message:
    return replace(message, headers=(*message.headers, (name, value)))


def with_body(message: Message, body: bytes) -> Message:
    return replace(with_header(message, "content-type", "application/sdp"), body=body)


def again(sent: Message, cseq: int, name: str, value: str) -> Message:
    """The same request once more with an Authorization: next CSeq, fresh branch."""
    headers = [(key, text) for key, text in sent.headers if key not in {"cseq", "via"}]
    via = sent.get("via").replace(sent.branch, MAGIC + token())
    return replace(sent, headers=(("via", via), *headers, ("cseq", f"{cseq} {sent.method}"), (name, value)))


def ack_refusal(invite: Message, refusal: Message) -> Message:
    """ACK for an answer of 300 and more: same branch, part of the INVITE's transaction."""
    return _beside(invite, "ACK", refusal.get("to"))


def cancel(invite: Message) -> Message:
    return _beside(invite, "CANCEL", invite.get("to"))


def established(sent: Message, answer: Message) -> Dialog:
    """The dialog that a 2xx answer to our INVITE makes. MalformedError without a Contact."""
    target = uri_of(answer.get("contact"))
    if not target:
        raise MalformedError("200 OK without Contact")
    routes = tuple(reversed(_record_routes(answer)))
    return Dialog(sent.get("call-id"), sent.get("from"), answer.get("to"), target, routes)


def accepted(invite: Message, tag: str) -> Dialog:
    """The dialog that our 2xx answer to their INVITE makes."""
    local = f"{invite.get('to')};tag={tag}"
    target = uri_of(invite.get("contact"))
    if not target:
        raise MalformedError("INVITE without Contact")
    return Dialog(invite.get("call-id"), local, invite.get("from"), target, tuple(_record_routes(invite)))


def reply(asked: Message, status: int, reason: str, tag: str = "") -> Message:
    """An answer that carries back what §8.2.6 asks for."""
    to = asked.get("to")
    if tag and not param(to, "tag"):
        to = f"{to};tag={tag}"
    headers = [("via", value) for value in asked.all("via")]
    headers += [("record-route", value) for value in asked.all("record-route")]
    headers += [("from", asked.get("from")), ("to", to), ("call-id", asked.get("call-id")), ("cseq", asked.get("cseq"))]
    return Message(status=status, reason=reason, headers=(*headers, ("allow", ALLOW), ("user-agent", AGENT)))


def _beside(invite: Message, method: str, to: str) -> Message:
    headers = [
        ("via", invite.get("via")),
        ("max-forwards", "70"),
        ("from", invite.get("from")),
        ("to", to),
        ("call-id", invite.get("call-id")),
        ("cseq", f"{invite.cseq[0]} {method}"),
        *(("route", value) for value in invite.all("route")),
    ]
    return Message(method, invite.uri, headers=tuple(headers))


def _record_routes(message: Message) -> list[str]:
    return [value.strip() for line in message.all("record-route") for value in line.split(",")]
