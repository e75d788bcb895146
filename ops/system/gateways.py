"""Short messages to people through gateways outside: the only place that knows how each wants to be asked."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage

from ops.errors import HostFailedError

SECONDS = 15.0
_REFUSED = range(400, 500)
_COME_AGAIN = {408, 425, 429}
_MAKERS = {"telegram": "https://api.telegram.org", "fonnte": "https://api.fonnte.com/send"}


class RefusedByGatewayError(HostFailedError):
    """It will not take this message however often it is sent."""


@dataclass(frozen=True, slots=True)
class Post:
    """One message to one recipient. `token` never stands in an error."""

    gateway: str
    url: str
    to: str
    text: str
    token: str = field(default="", repr=False)
    sender: str = ""


def telegram(post: Post) -> None:
    url = f"{post.url or _MAKERS['telegram']}/bot{post.token}/sendMessage"
    _ask(post, url, json={"chat_id": post.to, "text": post.text})


def fonnte(post: Post) -> None:
    """Also of gateways that copy it: a form, the token as it is in the Authorization header."""
    said = _ask(
        post, post.url or _MAKERS["fonnte"], data={"target": post.to, "message": post.text},
        headers={"Authorization": post.token},
    )  # fmt: skip
    if '"status":false' in said.replace(" ", ""):  # it says no with HTTP 200
        raise RefusedByGatewayError(post.gateway, f"refused: {said[:200]}".replace(post.token or "\0", "…"))


def smtp(post: Post) -> None:
    host, _, port = post.url.partition(":")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = post.sender, post.to, post.text.splitlines()[0][:78]
    message.set_content(post.text)
    try:
        with smtplib.SMTP(host, int(port or 25), timeout=SECONDS) as server:
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused:
        raise RefusedByGatewayError(post.gateway, f"no mail to {post.to}") from None
    except (OSError, smtplib.SMTPException) as error:
        raise HostFailedError(post.gateway, f"mail: {error}") from None


DRIVERS: dict[str, Callable[[Post], None]] = {"telegram": telegram, "fonnte": fonnte, "smtp": smtp}


def _ask(post: Post, url: str, **sent: object) -> str:
    import httpx  # noqa: PLC0415 # 0.2 s that only alerts need

    try:
        answer = httpx.post(url, timeout=SECONDS, **sent)  # type: ignore[arg-type]
    except httpx.HTTPError as error:
        raise HostFailedError(post.gateway, type(error).__name__) from None  # its text holds the URL, hence the token
    if answer.is_success:
        return answer.text
    said = f"HTTP {answer.status_code}"
    if answer.status_code in _REFUSED and answer.status_code not in _COME_AGAIN:
        raise RefusedByGatewayError(post.gateway, said)
    raise HostFailedError(post.gateway, said)
