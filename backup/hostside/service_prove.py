"""A restored service on its own: the real web server and database, started from what was restored, without a network.

Each lives in network and process namespaces of its own and is killed by the kernel when this process ends; both are
asked through socket files. So restored software can never call home and never outlives the drill.
"""

# ruff: noqa: PTH103, PTH118, PTH123 # names on hosts need not be text
from __future__ import annotations

import os
import pwd
import subprocess
import time
from typing import Any

from backup.hostside import pg, pg_prove, probing, programs

WEB_USER = "www-data"
_AGAIN = 0.5  # seconds between looks
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_DATABASE = {"fsync": "off", "autovacuum": "off", "listen_addresses": "", "max_wal_senders": "0", "jit": "off"}


def prove(*, folder: str, web: dict[str, str], database: dict[str, str], asked: dict[str, Any]) -> dict[str, Any]:
    """Start it, ask until all is answered as declared or `asked.patience` (s) is over, end it.

    `web`: {root, name, mark} · `database`: {data, user, name, run_as} or {} · `asked`: {probes, newest, patience}.
    {answers, wrong (one text a probe, empty: as declared), newest (epoch or None), started (s), version}
    """
    begun = time.monotonic()
    work = os.path.join(folder, "run")
    os.makedirs(work, mode=0o711, exist_ok=True)
    children = []
    try:
        if database:
            children.append(_database(work, database))
        children.append(_web(work, web))
        found = _asked(work, web, database, asked)
    finally:
        for child in reversed(children):
            programs.end(child)
    return {**found, "seconds": round(time.monotonic() - begun, 3)}


def web_settings(work: str, web: dict[str, str], listen: str) -> str:
    """nginx.conf for a restored web root."""
    temporary = "".join(f"    {name}_temp_path {work}/t-{name};\n" for name in _TEMPORARY)
    return (
        f"daemon off;\nworker_processes 1;\npid {work}/nginx.pid;\nerror_log {work}/error.log;\n"
        f"events {{ worker_connections 128; }}\nhttp {{\n{temporary}"
        f"    include /etc/nginx/mime.types;\n    access_log off;\n    charset utf-8;\n    server {{\n"
        f"        listen {listen};\n        server_name {web['name']};\n        root {web['root']};\n"
        f'        add_header {probing.MARK} "{web["mark"]}" always;\n'
        f"        location / {{ try_files $uri $uri/ =404; }}\n    }}\n}}\n"
    )


def database_words(data: str, sockets: str) -> list[str]:
    """The command line of a server on a restored cluster: socket file only."""
    settings = [word for name, value in _DATABASE.items() for word in ("-c", f"{name}={value}")]
    return [f"{pg_prove.newest_binaries()}/postgres", "-D", data, "-k", sockets, *settings]


def where(sockets: str, database: dict[str, str]) -> list[str]:
    """psql's words for the restored database, which reads the clock where the office does."""
    os.environ["PGTZ"] = database["timezone"]
    return ["-h", sockets, "-U", database["user"], "-d", database["name"]]


def _web(work: str, web: dict[str, str]) -> subprocess.Popen[bytes]:
    own = _own(work, "web", WEB_USER)
    conf = os.path.join(work, "nginx.conf")
    with open(conf, "w", encoding="utf-8") as out:
        out.write(web_settings(own, web, f"unix:{own}/http"))
    # an account that can change nothing; it may read what belongs to accounts that this machine does not have
    may = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"]
    user = ["setpriv", f"--reuid={WEB_USER}", f"--regid={WEB_USER}", "--init-groups", *may, "--pdeathsig=KILL"]
    words = ["/usr/sbin/nginx", "-e", f"{own}/error.log", "-p", own, "-c", conf]
    return programs.alone([*user, *words], f"{work}/nginx.log")


def _database(work: str, database: dict[str, str]) -> subprocess.Popen[bytes]:
    sockets = _own(work, "s", database["run_as"])
    words = database_words(database["data"], sockets)
    return programs.alone([*pg.become(database["run_as"]), *words], f"{work}/postgres.log")


def _own(work: str, name: str, user: str) -> str:
    path = os.path.join(work, name)
    os.makedirs(path, mode=0o700, exist_ok=True)
    account = pwd.getpwnam(user)
    os.chown(path, account.pw_uid, account.pw_gid)
    return path


def _asked(work: str, web: dict[str, str], database: dict[str, str], asked: dict[str, Any]) -> dict[str, Any]:
    until = time.monotonic() + float(asked["patience"])
    while True:
        answers = [_answer(work, web, database, probe) for probe in asked["probes"]]
        wrong = [probing.wrong(probe, answer) for probe, answer in zip(asked["probes"], answers, strict=True)]
        programs.tell(answered=sum(not one for one in wrong), of=len(wrong))
        if not any(wrong) or time.monotonic() >= until:
            break
        time.sleep(_AGAIN)
    return {"answers": answers, "wrong": wrong, "newest": _newest(work, database, asked["newest"])}


def _answer(work: str, web: dict[str, str], database: dict[str, str], probe: dict[str, Any]) -> dict[str, Any]:
    if probe.get("path"):
        return probing.page(probing.UnixConnection(f"{work}/web/http", web["name"]), web["name"], probe)
    return probing.value(database["run_as"], where(f"{work}/s", database), probe["sql"])


def _newest(work: str, database: dict[str, str], query: str) -> float | None:
    """The newest business time that the data speaks of (epoch s); none where no query asks for it, or it gave none."""
    if not query or not database:
        return None
    told = probing.value(database["run_as"], where(f"{work}/s", database), probing.epoch(query))
    return float(told["value"]) if told.get("value") else None
