"""Telephone books, on the web servers. They hold no secret; whoever fetches one comes by a telephone's own address."""

from __future__ import annotations

from ops.targets.host_files import HostFiles, in_group

TARGET = HostFiles("phone-book", in_group("web"), "/srv/provision/books")
