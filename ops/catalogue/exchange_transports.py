"""Transports: what runs beside what is declared, and whether a telephone would take their certificate.

Asterisk takes a changed transport with "reloaded successfully", shows it as if it held, and goes on with the one
before: only a restart changes it. Standard library only: this also runs on the exchange (role pbx).
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

from ops.catalogue.exchange_check import Wanted

LIVE = re.compile(r"^Transport: +([^\s<]+) ", re.MULTILINE)
"""Names in what `pjsip show transports` answers. All else that it shows is what was read last, not what runs."""
Transports = Mapping[str, Mapping[str, str]]
_ROUNDS = 10  # messages to and fro until a handshake is done, or never


def transports(wanted: Wanted) -> dict[str, dict[str, str]]:
    """Name → option → value."""
    return {name: dict(options) for name, options in wanted.objects.get("transport", {}).items()}


def restart_needed(running: Transports, declared: Transports) -> list[str]:
    """What of the transports holds only after a restart of Asterisk; [] when what runs is what is declared."""
    found = [f"{name} is {'new' if name in declared else 'gone'}" for name in sorted({*running} ^ {*declared})]
    for name in sorted({*running} & {*declared}):
        now, then = running[name], declared[name]
        odd = sorted(one for one in {*now, *then} if now.get(one) != then.get(one))
        found += [f"{name}: {one} {now.get(one, 'none')} → {then.get(one, 'none')}" for one in odd]
    return found


def certificate_faults(wanted: Wanted) -> Iterator[str]:
    """What a telephone that checks would say of the certificates, in the words of its library; and keys that do not
    belong to them."""
    for name, pairs in sorted(wanted.objects.get("transport", {}).items()):
        options = dict(pairs)
        if options.get("protocol") == "tls" and (why := _refused(options)):
            yield f"transport {name}: {why}"


def _refused(options: dict[str, str]) -> str:
    """Why nobody would speak to that transport; "" when its certificate is good for its address today."""
    certificate, key = options.get("cert_file", ""), options.get("priv_key_file", "")
    for path in (certificate, key):
        if not Path(path).is_file():
            return f"{path or 'its certificate'} is not there: ops provision brings it"
    try:
        _handshake(certificate, key, options.get("bind", "").rpartition(":")[0])
    except ssl.SSLCertVerificationError as error:
        return f"{certificate}: {error.verify_message}"
    except ssl.SSLError as error:
        return f"{certificate} is no certificate, or {key} is not its key ({error.reason})"
    return ""


def _handshake(certificate: str, key: str, address: str) -> None:
    """Both sides in this process. ssl.SSLError when the one that calls the address does not trust what it is shown."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(certificate, key)
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN  # who signed it is role tls's affair
    client.load_verify_locations(certificate)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    answers = server.wrap_bio(there, back, server_side=True)
    asks = client.wrap_bio(back, there, server_hostname=address)
    for _ in range(_ROUNDS):
        done = 0
        for side in (asks, answers):
            try:
                side.do_handshake()
                done += 1
            except ssl.SSLWantReadError:
                continue
        if done == len((asks, answers)):
            return
