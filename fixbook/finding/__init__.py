"""From a pasted traceback or message to the known cases: signatures, and the ranking by them with its reasons.

A traceback is recognised in whatever shape it comes: chained, of exception groups, from pytest, out of a log with
prefixes, out of JSON with its line breaks escaped, flattened onto one line, from Windows. All of it is linear in the
length of the text, of which no more than 256 KiB are looked at.
"""

from fixbook.finding._rank import Index, Match, rank
from fixbook.finding._signature import Frame, Signature, signature
from fixbook.finding._text import LIMIT, normalise

__all__ = ["LIMIT", "Frame", "Index", "Match", "Signature", "normalise", "rank", "signature"]
