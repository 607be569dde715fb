"""Tables on pages: written between two comments by the command that has measured them, never by hand."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "docs" / "performance.md")


def write_table(name: str, table: str) -> None:
    """Put `table` between the comments `<!-- benchmark: NAME -->` and `<!-- end -->` of every page that has them.

    Raises ValueError if no page has.
    """
    found = False
    begin, end = f"<!-- benchmark: {name} -->", "<!-- end -->"
    for page in PAGES:
        text = page.read_text()
        if begin not in text:
            continue
        found = True
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        page.write_text(f"{before}{begin}\n\n{table}\n\n{end}{after}")
    if not found:
        raise ValueError(f"no page has the comment {begin!r}; looked at {', '.join(str(page) for page in PAGES)}")
