"""All areas, in the order of the table's rows."""

from benchmarks import (
    files,
    forms,
    header_middleware,
    json_echo,
    many_routes,
    plain_text,
    stream,
    typed_parameter,
    websocket_echo,
)
from benchmarks.measure import Area

AREAS: list[Area] = [
    *plain_text.AREAS,
    *typed_parameter.AREAS,
    *json_echo.AREAS,
    *stream.AREAS[:1],
    *header_middleware.AREAS,
    *stream.AREAS[1:],
    *many_routes.AREAS,
    *forms.AREAS,
    *files.AREAS,
    *websocket_echo.AREAS,
]


def area_named(slug: str) -> Area:
    """The area with this slug. Raises KeyError."""
    return {area.slug: area for area in AREAS}[slug]
