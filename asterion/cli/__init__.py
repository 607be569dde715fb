"""The command `asterion`, also as `python -m asterion`. Needs the extra `cli`; each command loads only what it uses."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process, and end it with the command's exit status."""
    try:
        from asterion.cli._main import asterion
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write("asterion: the command line needs click; pip install 'asterion[cli]'\n")
        sys.exit(1)
    asterion(prog_name="asterion")
