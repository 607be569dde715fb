"""Pages of a site that collects fixes for reported failures, read into cases.

Such pages come as plain text in three layouts: with code and traces as lines whose indentation is gone
(`Layout.LINES`), the same with a mere signature in the place of a trace (`Layout.SIGNATURE`), and with bullets, labels
of files and every block of code flattened onto one line (`Layout.FLAT`).

Nothing is guessed and nothing is lost: what a page does not say stays unknown; every line is either taken over,
recognised as an ornament of the site, or reported as a `Problem` with its number; the text is kept whole as the source.
Code is kept as it is. Where it lost its lines or its indentation, a form that parses may be offered beside it
(`Page.proposal`), for a person to look at.
"""

from fixbook.pages._decode import LIMIT, UnreadablePage
from fixbook.pages._read import Layout, Page, read_page

__all__ = ["LIMIT", "Layout", "Page", "UnreadablePage", "read_page"]
