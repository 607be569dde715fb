"""The benchmarks: every framework does the work it is timed for, and the figures are what they are said to be."""

import asyncio
import json
import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks import growth, instructions, page
from benchmarks.__main__ import render_cell, render_row
from benchmarks.catalogue import AREAS, area_named
from benchmarks.measure import FRAMEWORKS, RAW, Area, Timing, prepare
from benchmarks.served import Contender, by_client

PAIRS = [(area, name) for area in AREAS for name in FRAMEWORKS if name in area.builders]


@pytest.mark.filterwarnings("ignore:::litestar")  # of itself, to itself
@pytest.mark.parametrize(("area", "name"), PAIRS, ids=lambda value: value.slug if isinstance(value, Area) else value)
def test_every_framework_gives_the_right_answer_before_it_is_timed(area: Area, name: str) -> None:
    async def once() -> None:
        served = await prepare(area, name)  # raises if the answer is not right
        if area.drive is not None:
            await area.drive(served, 1)
        await served.stop()

    try:
        area.builders[name]()
    except ImportError as error:
        pytest.skip(f"{name} is not installed: {error}")
    asyncio.run(once())


def test_an_application_that_does_other_work_is_not_timed() -> None:
    area = area_named("plain-text")

    async def wrong(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"something else"})

    lazy = Area(area.slug, area.title, area.ask, {RAW: lambda: wrong}, area.right)
    with pytest.raises(RuntimeError, match="raw ASGI does not do the work of 'plain text'"):
        asyncio.run(prepare(lazy, RAW))


def test_a_figure_is_the_median_of_the_rounds_with_half_of_the_distance_between_the_quartiles() -> None:
    timing = Timing([10.0, 11.0, 12.0, 13.0, 100.0])
    assert timing.median == 12.0
    assert timing.spread == pytest.approx((56.5 - 10.5) / 2 / 12.0)


def test_a_cell_says_how_many_times_as_fast_as_starlette_that_is() -> None:
    timings = {"Starlette": Timing([8.0] * 4), "Asterion": Timing([2.0] * 4)}
    assert render_cell(timings, "Asterion") == "2.0 ±0% (4.0x)"
    assert render_cell(timings, "Starlette") == "8.0 ±0%"
    assert render_cell(timings, "Falcon") == "-"
    assert render_row(area_named("plain-text"), timings).count("|") == len(FRAMEWORKS) + 2


def test_a_table_is_written_between_its_comments_on_every_page_that_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = tmp_path / "one.md", tmp_path / "other.md"
    one.write_text(
        "before\n<!-- benchmark: requests -->\nold\n<!-- end -->\nafter <!-- benchmark: growth -->x<!-- end -->"
    )
    other.write_text("nothing here")
    monkeypatch.setattr(page, "PAGES", (one, other))
    page.write_table("requests", "| new |")
    assert one.read_text() == (
        "before\n<!-- benchmark: requests -->\n\n| new |\n\n<!-- end -->\nafter <!-- benchmark: growth -->x<!-- end -->"
    )
    assert other.read_text() == "nothing here"
    with pytest.raises(ValueError, match="no page has the comment '<!-- benchmark: else -->'"):
        page.write_table("else", "")


def test_the_pages_have_a_place_for_every_table_that_is_written() -> None:
    text = "".join(path.read_text() for path in page.PAGES)
    for name in ("requests", "outside", "served-uvicorn", "served-granian", "served-fastapi"):
        assert f"<!-- benchmark: {name} -->" in text


@pytest.mark.parametrize(("now", "status"), [(2.0, 0), (2.29, 0), (1.0, 0), (2.31, 1)])
def test_the_guard_fails_beyond_its_band_and_only_there(
    now: float, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = tmp_path / "guard.json"
    recorded.write_text(json.dumps({"plain-text": 2.0}))
    monkeypatch.setattr(instructions, "GUARD", recorded)
    monkeypatch.setattr(instructions, "multiples", lambda slugs, by_perf: {"plain-text": now})
    assert instructions.guard(by_perf=True) == status
    assert ("TOO MUCH" in capsys.readouterr().out) is bool(status)


def test_the_guard_knows_every_area_that_has_a_control() -> None:
    recorded = json.loads(instructions.GUARD.read_text())
    assert set(recorded) == {area.slug for area in AREAS if RAW in area.builders}


@pytest.mark.parametrize("curve", growth.CURVES, ids=lambda curve: curve.name)
def test_the_work_of_a_growth_curve_is_done_at_its_smallest_and_at_a_larger_size(curve: growth.Curve) -> None:
    from benchmarks.frameworks import both

    for size in curve.sizes[:2]:
        build, ask = curve.at(size)
        area = Area(curve.name, curve.name, ask, both(build), lambda seen: seen.status == 200)
        for name in area.builders:
            asyncio.run(prepare(area, name))


def test_the_recorded_growth_has_a_figure_for_every_size() -> None:
    data = json.loads(growth.DATA.read_text())
    assert list(data) == [curve.name for curve in growth.CURVES]
    for curve in growth.CURVES:
        assert data[curve.name]["sizes"] == list(curve.sizes)
        for figures in data[curve.name]["microseconds"].values():
            assert len(figures) == len(curve.sizes)
            assert all(figure > 0 for figure in figures)


def test_the_curves_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    growth.draw(json.loads(growth.DATA.read_text()), tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


def test_a_real_server_is_loaded_by_the_client_that_stands_in_for_wrk() -> None:
    contender = Contender("Asterion", "benchmarks.served:make", {"BENCHMARK_APP": "plain-text:Asterion"})
    with ExitStack() as stack:
        contender.start(stack)
        assert contender.check() == b"Hello, world!"
        assert asyncio.run(by_client(contender, 0.1)) > 0
        if os.path.exists("/proc/self/stat"):
            assert contender.seconds_of_cpu() > 0
