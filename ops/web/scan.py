"""Finds the pages: every file of `ops/web/pages` exports `PAGES`."""

from __future__ import annotations

import importlib
import pkgutil

import ops.web.pages
from ops.web.page import Page


def pages() -> tuple[Page, ...]:
    """All pages of all files, by path. ValueError when two have the same method and path, or one has no role."""
    names = sorted(found.name for found in pkgutil.iter_modules(ops.web.pages.__path__))
    modules = [importlib.import_module(f"ops.web.pages.{name}") for name in names]
    found: list[Page] = [page for module in modules for page in module.PAGES]
    keys = [(page.method, page.path) for page in found]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise ValueError(f"two pages for {sorted(twice)}")
    if unguarded := [page.path for page in found if not page.roles]:
        raise ValueError(f"nobody may use {unguarded}")
    return tuple(sorted(found, key=lambda page: (page.path, page.method)))
