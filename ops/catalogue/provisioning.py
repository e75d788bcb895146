"""Where a telephone finds its file: one address a telephone, with a token in it that nobody guesses (190 bit).

The token is a secret of its own, so it stands in no plan. A new one (`secrets.yml`) makes the old address 404.
"""

from __future__ import annotations

from dataclasses import dataclass

from ops.inventory.model import Opd, Region

FILES = "/srv/provision/kominfo"  # target phone-file
BOOKS = "/srv/provision/books"  # target phone-book
AUTHORITY = "kominfo-root"  # the region's own authority, as .pem and as .der (role web); no secret
OFFICE_BOOK = "office.xml"
ONCE = "once"  # folder of what is fetched once (role web)


def token(mac: str) -> str:
    """The name of a telephone's token, as contents hold it. `mac` without colons."""
    return f"{{{{secret:provision/{mac}}}}}"


@dataclass(frozen=True)
class Origin:
    """The web server that telephones fetch from. `secure`: it has a certificate, so nothing is fetched in clear."""

    host: str
    name: str
    secure: bool

    @property
    def url(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.name}/"

    def authority(self, form: str) -> str:
        """Where the authority that telephones shall trust is fetched, in that form (pem, der); "" without one."""
        return f"http://{self.name}/{AUTHORITY}.{form}" if self.secure else ""

    def of(self, mac: str) -> str:
        """The address below which a telephone's own files lie."""
        return f"{self.url}{token(mac)}/"


def origin(region: Region) -> Origin | None:
    """None: the region has no web server, so no telephone can fetch anything."""
    web = region.group("web")[:1]
    return Origin(web[0].name, f"provision.{region.domain}", bool(region.group("ca"))) if web else None


def devices(opd: Opd) -> list[tuple[str, str, str]]:
    """An office's telephones that fetch a file: MAC without colons, model, number."""
    found = opd.phones.extensions if opd.phones else ()
    return [(phone.mac.replace(":", ""), phone.model, phone.number) for phone in found if phone.mac and phone.model]
