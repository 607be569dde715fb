"""Imported at the start of an interpreter whose environment asks for the drop-in; importing it installs it.

An interpreter starts whatever happens here: what went wrong is said on stderr, because nobody could catch it.
"""

import sys

from asterion.dropin._environment import VARIABLE, is_asked_for
from asterion.dropin._finder import install

if is_asked_for():
    try:
        install()
    except RuntimeError as error:
        sys.stderr.write(f"{VARIABLE} is set, but this process runs without the drop-in: {error}\n")
