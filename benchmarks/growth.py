"""How the cost grows: routes, function middlewares, chunks, request headers, size of the body.

`python -m benchmarks.growth [--quick]` measures Starlette and Asterion at each size, writes `docs/growth.json`, and
draws it as `docs/growth.png` (matplotlib, extra `bench`).
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.frameworks import Toolkit, both
from benchmarks.header_middleware import toolkit_layers
from benchmarks.measure import FULL, QUICK, Area, measure
from benchmarks.server import ASGIApp, Ask

DATA = Path(__file__).parent.parent / "docs" / "growth.json"
PICTURE = DATA.with_suffix(".png")


@dataclass(frozen=True)
class Curve:
    """One quantity that grows: what it is called, its sizes, and the work at a size."""

    name: str
    unit: str
    sizes: tuple[int, ...]
    at: Callable[[int], tuple[Callable[[Toolkit], ASGIApp], Ask]]


def routes(size: int) -> tuple[Callable[[Toolkit], ASGIApp], Ask]:
    def build(kit: Toolkit) -> ASGIApp:
        async def show(request: Any) -> Any:
            return kit.PlainTextResponse("x")

        return kit.app({("GET", f"/resource{number}/{{id:int}}"): show for number in range(size)})

    return build, Ask(paths=(f"/resource{size - 1}/7",))


def middlewares(size: int) -> tuple[Callable[[Toolkit], ASGIApp], Ask]:
    def build(kit: Toolkit) -> ASGIApp:
        async def show(request: Any) -> Any:
            return kit.PlainTextResponse("x")

        return kit.app({("GET", "/"): show}, toolkit_layers(size))

    return build, Ask(paths=("/",))


def chunks(size: int) -> tuple[Callable[[Toolkit], ASGIApp], Ask]:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size):
            yield b"x" * 1024

    def build(kit: Toolkit) -> ASGIApp:
        async def stream(request: Any) -> Any:
            return kit.StreamingResponse(pieces())

        return kit.app({("GET", "/"): stream})

    return build, Ask(paths=("/",))


def headers(size: int) -> tuple[Callable[[Toolkit], ASGIApp], Ask]:
    def build(kit: Toolkit) -> ASGIApp:
        async def look(request: Any) -> Any:
            return kit.PlainTextResponse(request.headers.get("x-last", "none"))

        return kit.app({("GET", "/"): look})

    lines = tuple((b"x-header-%d" % number, b"value") for number in range(size))
    return build, Ask(paths=("/",), headers=(*lines, (b"x-last", b"here")))


def body(size: int) -> tuple[Callable[[Toolkit], ASGIApp], Ask]:
    def build(kit: Toolkit) -> ASGIApp:
        async def count(request: Any) -> Any:
            return kit.PlainTextResponse(str(len(await request.body())))

        return kit.app({("POST", "/"): count})

    return build, Ask(paths=("/",), method="POST", body=b"x" * size, piece=65536)


CURVES = (
    Curve("routes", "the last of so many routes", (1, 3, 10, 30, 100, 300, 1000, 2000), routes),
    Curve("middlewares", "function middlewares", tuple(range(11)), middlewares),
    Curve("chunks", "chunks of a stream", (1, 10, 100, 1000, 10_000), chunks),
    Curve("headers", "request headers", (0, 5, 10, 20, 50, 100), headers),
    Curve("body", "bytes of the request body", (0, 1024, 16_384, 262_144, 1_048_576, 10_485_760), body),
)


async def take(quick: bool) -> dict[str, Any]:
    """Medians in microseconds of CPU by curve, framework and size."""
    data: dict[str, Any] = {}
    for curve in CURVES:
        points: dict[str, list[float]] = {"Starlette": [], "Asterion": []}
        for size in curve.sizes:
            build, ask = curve.at(size)
            area = Area(curve.name, curve.name, ask, both(build), lambda seen: seen.status == 200)
            timings = await measure(area, QUICK if quick else FULL, print)
            for name, timing in timings.items():
                points[name].append(round(timing.median, 2))
        data[curve.name] = {"unit": curve.unit, "sizes": curve.sizes, "microseconds": points}
        print(curve.name, points, flush=True)
    return data


def draw(data: dict[str, Any], path: Path) -> None:
    """One small chart for each curve."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 3, figsize=(12, 6.5), layout="constrained")
    for axis, (name, curve) in zip(axes.flat, data.items(), strict=False):
        for framework, color in (("Starlette", "#b45309"), ("Asterion", "#1d4ed8")):
            axis.plot(curve["sizes"], curve["microseconds"][framework], "o-", ms=3, color=color, label=framework)
        axis.set_title(name)
        axis.set_xlabel(curve["unit"])
        axis.set_ylabel("µs of CPU for each request")
        if name != "middlewares":
            axis.set_xscale("symlog", linthresh=5)
        axis.set_yscale("log")
        axis.grid(visible=True, which="major", alpha=0.3)
    axes.flat[0].legend()
    for axis in axes.flat[len(data) :]:
        axis.set_visible(False)
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--draw", action="store_true", help="draw the recorded data again, measure nothing")
    options = parser.parse_args(arguments)
    if not options.draw:
        DATA.write_text(json.dumps(asyncio.run(take(options.quick)), indent=1) + "\n")
    draw(json.loads(DATA.read_text()), PICTURE)


if __name__ == "__main__":
    main(sys.argv[1:])
