"""The tour as a person sees it: a headless Chromium fills in the form, uploads, streams and echoes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served.browser import Page, chromium, open_page
from tests.served.serving import Served

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no Chromium is installed (apt-get install chromium)"),
    # One server is enough: what a browser adds is on its own side.
    pytest.mark.parametrize("tour", ["uvloop-httptools"], indirect=True),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_page(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture(autouse=True)
def _nothing_to_complain_of(page: Page, tour: Served) -> Iterator[None]:
    page.complaints.clear()
    page.go(f"{tour.url}/")
    yield
    page.go("about:blank")
    assert page.complaints == []
    tour.assert_healthy()


def test_a_note_that_is_sent_by_the_form_is_shown_and_filed(page: Page) -> None:
    page.type_into("#name", "Ada Lovelace")
    page.type_into("#text", "We may say <most> aptly")
    page.click("#notes button")
    page.wait("document.querySelector('.notes .state').dataset.filed === 'yes'")
    note = page.evaluate("[...document.querySelectorAll('.notes li p')].map(p => p.textContent.trim())")
    assert note[:2] == ["Ada Lovelace", "We may say <most> aptly"]
    assert note[2].startswith("Filed at ")
    assert page.evaluate("location.hash") == "#notes"


def test_an_empty_form_is_not_sent(page: Page) -> None:
    page.click("#notes button")
    assert page.evaluate("document.activeElement.id") == "name"
    assert page.evaluate("document.querySelector('.notes')") is None


def test_a_chosen_file_is_uploaded(page: Page, tmp_path: Path) -> None:
    (tmp_path / "engine.txt").write_bytes(b"wheel" * 1000)
    page.choose_file("#file", tmp_path / "engine.txt")
    page.click("#uploads button")
    page.wait("document.querySelector('#uploads tbody')")
    assert page.evaluate("document.querySelector('#uploads tbody').innerText").startswith("engine.txt\t5000\t")


def test_the_stream_is_shown_while_it_comes(page: Page) -> None:
    page.click("#start")
    page.wait("document.querySelector('#progress').value > 0 && document.querySelector('#start').disabled")
    page.wait("!document.querySelector('#start').disabled")
    lines = page.evaluate("document.querySelector('#lines').textContent").splitlines()
    assert lines == [f"line {number} of 12" for number in range(1, 13)]


def test_the_websocket_echoes(page: Page) -> None:
    for text in ("Hello", "<b>καλημέρα</b>"):
        page.type_into("#message", text)
        page.click("#echo-form button")
    page.wait("document.querySelectorAll('#echoes li').length === 2")
    assert page.evaluate("[...document.querySelectorAll('#echoes li')].map(li => li.textContent)") == [
        "Hello",
        "<b>καλημέρα</b>",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(page: Page, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1 at least, in both colour schemes."""
    page.prefer(scheme)
    too_faint = page.evaluate(CONTRAST)
    assert too_faint == []


CONTRAST = """
(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const colour = parse(getComputedStyle(element).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) { return colour; }
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("h1, h2, p, label, button, a, code, input, textarea, th, td, li")) {
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) { faint.push(`${element.tagName} ${contrast.toFixed(2)}`); }
  }
  return faint;
})()
"""


def test_every_control_has_a_name_and_the_page_one_main_heading(page: Page) -> None:
    assert page.evaluate("document.querySelectorAll('h1').length") == 1
    assert page.evaluate("[...document.querySelectorAll('input, textarea')].filter(e => !e.labels.length).length") == 0
    assert page.evaluate("[...document.images].filter(image => !image.hasAttribute('alt')).length") == 0
    assert page.evaluate("document.documentElement.lang") == "en"


def test_the_page_fits_a_narrow_screen(page: Page) -> None:
    page.call("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=1, mobile=True)
    try:
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    finally:
        page.call("Emulation.clearDeviceMetricsOverride")
