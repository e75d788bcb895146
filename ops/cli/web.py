"""ops web: serve the command centre's pages, and its users and wall devices."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ops.cli.common import add_common_again, inventory_of, world_of
from ops.cli.screen import Screen
from ops.errors import UsageError

if TYPE_CHECKING:
    from ops.runs.foreground import Desk
    from ops.system.sockets import Socket
    from ops.web.accounts.users import User
    from ops.world import World

HELP = "serve the command centre's pages; its users and wall devices"
EPILOG = """examples:
  ops web user add siti --title 'Siti Aminah' --role admin        asks for a password; the first admin is made here
  ops web user add dinkes --title 'Dinas Kesehatan' --role opd --opd dinkes < password.txt
  ops web token add ruang-komando                                  a screen's token, shown once
  ops web serve --listen 127.0.0.1:8080                            the pages alone (ops serve has them too)"""
_ROLES = ("opd", "operator", "approver", "auditor", "admin")


def arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    serve = _sub(below, "serve", "the pages alone, until Ctrl-C")
    serve.add_argument("--listen", metavar="ADDR:PORT", help="where (default: as region.yml says, or 127.0.0.1:8080)")
    user = _sub(below, "user", "add, list, disable, enable or reset users")
    acts = user.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = _sub(acts, "add", "a user; the password is asked for or read from standard input")
    add.add_argument("name")
    add.add_argument("--title", required=True, help="full name")
    add.add_argument("--role", action="append", required=True, choices=_ROLES, help="may be given several times")
    add.add_argument("--opd", action="append", default=[], metavar="CODE", help="the office that the role opd sees")
    add.add_argument("--sso", default="", help="subject or e-mail address at the single sign-on")
    _sub(acts, "list", "all users")
    for name, text in (("disable", "may not log in any more"), ("enable", "may log in again"),
                       ("reset", "another password; the second factor is set up anew")):  # fmt: skip
        _sub(acts, name, text).add_argument("name")
    token = _sub(below, "token", "add, list or revoke wall devices")
    acts = token.add_subparsers(dest="action", metavar="ACTION", required=True)
    _sub(acts, "list", "all devices")
    for name, text in (("add", "a device; its token is shown once"), ("revoke", "its token opens nothing any more")):
        _sub(acts, name, text).add_argument("name")


def _sub(below: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str) -> argparse.ArgumentParser:
    """The common options may stand after the action too."""

    made = below.add_parser(name, help=text, description=text)
    add_common_again(made)
    return made


def run(args: argparse.Namespace, screen: Screen) -> int:
    if args.what == "serve":
        return _serve(args, screen)
    from ops.runs.foreground import Desk  # noqa: PLC0415 # the inventory's types cost 0.2 s
    from ops.web.accounts.tables import TABLES  # noqa: PLC0415

    desk = Desk.of(world_of(args))
    desk.database.create(TABLES)
    return _DO[args.what, args.action](args, desk, screen)


def open_world(args: argparse.Namespace, where: str | None, screen: Screen) -> tuple[World, Socket]:
    """The world, entered, and a socket in the network that the command was given in: a twin's pages are for browsers
    outside of it."""
    from ops import world as worlds  # noqa: PLC0415
    from ops.system.sockets import listen_tcp  # noqa: PLC0415

    world = worlds.named(args.twin, args.inventory if args.twin else str(inventory_of(args)))
    address, port = place(where or world.region.command_centre.listen)
    listening = listen_tcp(address, port)
    world.enter()
    screen.note(f"command centre at http://{address}:{port}/")
    return world, listening


def place(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004 # ports
        raise UsageError(f"{text}: not ADDR:PORT", "write for example 127.0.0.1:8080")
    return address or "0.0.0.0", int(port)  # noqa: S104 # ":8080" means everywhere, as everywhere else


def _serve(args: argparse.Namespace, screen: Screen) -> int:
    import logging  # noqa: PLC0415

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    world, listening = open_world(args, args.listen, screen)
    from ops.web.server import Centre  # noqa: PLC0415 # web server and templates: 0.4 s

    Centre(world, listening).serve()
    return 0


def _add(args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    from ops.system.person import who  # noqa: PLC0415
    from ops.web.accounts import users  # noqa: PLC0415
    from ops.web.page import Role  # noqa: PLC0415

    roles = frozenset(Role(one) for one in args.role)
    user = users.User(args.name, args.title, roles, frozenset(args.opd), sso=args.sso)
    known = [opd.code for opd in desk.world.region.opds]
    if unknown := users.unknown_opds(user, known):
        raise UsageError(f"no office has the code {unknown[0]!r}", f"known: {', '.join(known)}")
    made = users.add(desk.database, user, _password(screen), who())
    screen.say(
        f"{made.name}: {', '.join(sorted(made.roles))}" + ("; sets up a second factor at first login" * made.acts)
    )
    screen.data({"user": made.name, "roles": sorted(made.roles), "opds": sorted(made.opds)})
    return 0


def _password(screen: Screen) -> str:
    """Asked for twice at a terminal, else the first line of standard input: never an argument, which others see."""
    import getpass  # noqa: PLC0415
    import sys  # noqa: PLC0415

    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\n")
        if not password:
            raise UsageError("no password on standard input", "ops web user add … < file, or at a terminal")
        return password
    screen.note("12 characters at least; several words are easy to keep and hard to guess")
    password = getpass.getpass("password: ")
    if getpass.getpass("once more: ") != password:
        raise UsageError("the two are not the same", "run the same command again")
    return password


def _list(_args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    from ops.web.accounts import users  # noqa: PLC0415

    found = users.every(desk.database)
    rows = [
        (one.name, one.title, ", ".join(sorted(one.roles)), ", ".join(sorted(one.opds)),
         "yes" if one.has_code else "", "disabled" if one.disabled else "")
        for one in found
    ]  # fmt: skip
    screen.table(("user", "name", "roles", "offices", "second factor", ""), rows)
    screen.data([_plain(one) for one in found])
    return 0


def _plain(user: User) -> dict[str, object]:
    return {
        "user": user.name, "title": user.title, "roles": sorted(user.roles), "opds": sorted(user.opds),
        "second_factor": user.has_code, "disabled": user.disabled,
    }  # fmt: skip


def _able(args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    from ops.system.person import who  # noqa: PLC0415
    from ops.web.accounts import users  # noqa: PLC0415

    user = users.disable(desk.database, args.name, who(), disabled=args.action == "disable")
    screen.say(f"{user.name}: {'disabled' if user.disabled else 'may log in'}")
    screen.data({"user": user.name, "disabled": user.disabled})
    return 0


def _reset(args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    from ops.system.person import who  # noqa: PLC0415
    from ops.web.accounts import users  # noqa: PLC0415

    user = users.get(desk.database, args.name)
    users.reset(desk.database, user.name, _password(screen), who())
    screen.say(f"{user.name}: logs in with the new password, replaces it, and sets the second factor up anew")
    screen.data({"user": user.name, "reset": True})
    return 0


def _token_add(args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    from ops.system.person import who  # noqa: PLC0415
    from ops.web.accounts import devices  # noqa: PLC0415

    token = devices.add(desk.database, args.name, who())
    screen.note("shown this once; open /device on the screen and type it in")
    screen.say(token)
    screen.data({"device": args.name, "token": token})
    return 0


def _token_list(_args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    import time  # noqa: PLC0415

    from ops.web.accounts import devices  # noqa: PLC0415

    found = devices.every(desk.database)
    seen = [time.strftime("%Y-%m-%d %H:%M", time.localtime(one.seen)) if one.seen else "never" for one in found]
    screen.table(
        ("device", "made by", "last seen"), [(one.name, one.made_by, at) for one, at in zip(found, seen, strict=True)]
    )
    screen.data(
        [{"device": one.name, "made_by": one.made_by, "created": one.created, "seen": one.seen} for one in found]
    )
    return 0


def _token_revoke(args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    from ops.system.person import who  # noqa: PLC0415
    from ops.web.accounts import devices  # noqa: PLC0415

    devices.revoke(desk.database, args.name, who())
    screen.say(f"{args.name}: its token opens nothing any more")
    screen.data({"device": args.name, "revoked": True})
    return 0


_DO = {
    ("user", "add"): _add, ("user", "list"): _list, ("user", "disable"): _able, ("user", "enable"): _able,
    ("user", "reset"): _reset, ("token", "add"): _token_add, ("token", "list"): _token_list,
    ("token", "revoke"): _token_revoke,
}  # fmt: skip
