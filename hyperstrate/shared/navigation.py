"""The navigation: which pages it has, and which is shown now."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, g, request, url_for

from hyperstrate.shared.guards import Caller

HOME = "/app"


@dataclass(frozen=True)
class NavItem:
    """One entry of the navigation."""

    label: str
    endpoint: str
    icon: str
    order: int
    also: tuple[str, ...] = ()
    is_for_all: bool = False


@dataclass(frozen=True)
class NavLink:
    """An entry of the navigation on the page being shown."""

    label: str
    href: str
    icon: str
    is_current: bool


_NAVIGATION: dict[str, NavItem] = {}


def add_nav(
    label: str,
    endpoint: str,
    icon: str,
    order: int,
    *,
    also: tuple[str, ...] = (),
    is_for_all: bool = False,
) -> None:
    """Put a page into the navigation; shown where the application has that endpoint.

    ``also``: the paths of other pages of its section. ``is_for_all``: members see it too.
    """
    _NAVIGATION[endpoint] = NavItem(label, endpoint, icon, order, also, is_for_all)


def navigation() -> list[NavLink]:
    """The navigation of this application, with the entry of the current page marked."""
    caller: Caller | None = g.get("caller")
    is_member = caller is not None and not (caller.is_admin or caller.is_viewer)
    shown = [item for item in _NAVIGATION.values() if item.is_for_all or not is_member]
    items = sorted(shown, key=lambda item: item.order)
    hrefs = {item: url_for(item.endpoint) for item in items if has_endpoint(item.endpoint)}
    places = [(href, item) for item, href in hrefs.items()]
    places += [(request.script_root + path, item) for item in hrefs for path in item.also]
    path = request.script_root + request.path
    around = [
        (href, item)
        for href, item in places
        if path == href or (href != HOME and path.startswith(f"{href}/"))
    ]
    _, current = max(around, key=lambda place: len(place[0]), default=("", None))
    return [NavLink(item.label, href, item.icon, item is current) for item, href in hrefs.items()]


def has_endpoint(name: str) -> bool:
    return name in current_app.view_functions
