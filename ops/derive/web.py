"""Every office with a web name → one nginx virtual host. Until it has pages there, it answers with its own name."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping

from ops.derive.ansible_vars import DOCUMENTS, web_names
from ops.inventory.model import Opd, Region, WebHost
from ops.plan.change import Artifact

KIND = "web-host"
TLS = "/etc/nginx/kominfo-tls"  # of role web: which certificate a host shows

_AS_ENTITY: Mapping[int, str] = {ord(char): f"&#{ord(char)};" for char in "$\\{}"}  # nginx and ops.system.secrets would


def artifacts(region: Region) -> Iterable[Artifact]:
    for opd in region.opds:
        for server in sorted({web.server for web in opd.web}):
            here = [web for web in opd.web if web.server == server]
            content = "\n".join(_host(region, opd, web) for web in here)
            yield Artifact(KIND, f"{server}/{opd.code}.conf", content, here[0].line)


def _host(region: Region, opd: Opd, web: WebHost) -> str:
    return f"""\
server {{
    listen 80;
    include {TLS}/listen[.]conf; # these two: HTTPS, once the role tls has been there
    include {TLS}/{web.name}[.]conf;
    server_name {" ".join(web_names(region, web))};
    root {DOCUMENTS}/{opd.code};
    add_header X-Kominfo-Opd {opd.code};
    location / {{
        try_files $uri $uri/ =404;
    }}
    location = / {{
        try_files /index.html @placeholder;
    }}
    location @placeholder {{
        default_type text/html;
        charset utf-8;
        return 200 "{_page(opd)}";
    }}
}}
"""


def _page(opd: Opd) -> str:
    """One line of HTML that is also safe inside nginx's double quotes."""
    name = _text(opd.name)
    return f"<!doctype html><html lang=id><title>{name}</title><h1>{name}</h1><p>{_text(opd.kecamatan)}</p></html>"


def _text(text: str) -> str:
    return html.escape(text).translate(_AS_ENTITY)
