"""Atom feeds (RFC 4287) of newly verified fixes.

Identifiers are made of what the entries are, so that they stay when the site moves to another address.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from xml.etree import ElementTree as xml

from markupsafe import Markup

from asterion.exceptions import HTTPException
from asterion.requests import Request
from asterion.responses import Response
from fixbook.model import Case, Run
from fixbook.web._site import path_to, site_of
from fixbook.web._text import markdown

__all__ = ["feed", "package_feed"]

ATOM = "http://www.w3.org/2005/Atom"
ENTRIES = 30
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:fixbook")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# What XML 1.0 has no way to write.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


async def feed(request: Request) -> Response:
    """The newly verified fixes of all packages."""
    verified = await site_of(request).store.newly_verified(ENTRIES)
    return _answer(request, "Fixbook: newly verified fixes", "all", verified)


async def package_feed(request: Request) -> Response:
    """The newly verified fixes of one package."""
    package = request.path_params["package"]
    store = site_of(request).store
    if package not in await store.packages():
        raise HTTPException(404, f"There is no case of a package called {package[:100]!r}.")
    verified = [(case, run) for case, run in await store.newly_verified(1000) if case.package == package]
    return _answer(request, f"Fixbook: newly verified fixes of {package}", package, verified[:ENTRIES])


def _answer(request: Request, title: str, name: str, verified: Sequence[tuple[Case, Run]]) -> Response:
    base = site_of(request).settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
    updated = max((_moment(run) for _, run in verified), default=_LONG_AGO)
    root = xml.Element("feed", {"xmlns": ATOM, "xml:lang": "en"})
    _add(root, "id", f"urn:uuid:{uuid.uuid5(_SPACE, f'feed:{name}')}")
    _add(root, "title", title)
    _add(root, "subtitle", "Known failures, with every fix executed.")
    _add(root, "updated", updated.isoformat())
    _add(xml.SubElement(root, "author"), "name", "Fixbook")
    xml.SubElement(root, "link", rel="self", type="application/atom+xml", href=base + request.url.path)
    xml.SubElement(root, "link", rel="alternate", type="text/html", href=base + path_to(request, "front"))
    for case, run in verified:
        root.append(_entry(base, request, case, run))
    return Response(
        b'<?xml version="1.0" encoding="utf-8"?>\n' + xml.tostring(root, encoding="utf-8"),
        media_type="application/atom+xml",
        headers={"cache-control": "max-age=300", "last-modified": format_datetime(updated, usegmt=True)},
    )


def _entry(base: str, request: Request, case: Case, run: Run) -> xml.Element:
    entry = xml.Element("entry")
    place = base + path_to(request, "case", id=case.id)
    _add(entry, "id", f"urn:uuid:{uuid.uuid5(_SPACE, f'case:{case.id}')}")
    _add(entry, "title", case.title or case.id)
    _add(entry, "updated", _moment(run).isoformat())
    _add(entry, "published", _moment(run).isoformat())
    xml.SubElement(entry, "link", rel="alternate", type="text/html", href=place)
    for tag in filter(None, (case.package, *case.tags)):
        xml.SubElement(entry, "category", term=_clean(tag))
    parts = [markdown(text) for text in (case.summary, case.mechanism) if text]
    if case.first_fixed:
        parts.append(Markup("<p>First fixed in {}.</p>").format(case.first_fixed))
    _add(entry, "content", "".join(parts), type="html")
    return entry


def _add(parent: xml.Element, name: str, text: str, **attributes: str) -> None:
    xml.SubElement(parent, name, attributes).text = _clean(text)


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def _moment(run: Run) -> datetime:
    started = (run.started or _LONG_AGO).astimezone(UTC).replace(microsecond=0)
    return started + timedelta(seconds=int(run.duration))
