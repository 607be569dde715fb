"""The command `fixbook`, also as `python -m fixbook`. Each command is one module here, loaded when it is asked for.

A module `fixbook/cli/<name>.py` has its click command (or group) under the name `command`.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process, and end it with the command's exit status."""
    try:
        from fixbook.cli._group import fixbook
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write("fixbook: the command line needs click; pip install 'asterion[fixbook]'\n")
        sys.exit(2)
    fixbook(prog_name="fixbook")
