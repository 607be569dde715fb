"""`python -m asterion.dropin FILE.py [ARGS]` and `python -m asterion.dropin -m MODULE [ARGS]`.

Installs Asterion in Starlette's place and then runs the program as Python itself would: same `sys.argv`, same first
entry of `sys.path`, same `__name__`. Python processes that the program starts (a server's workers, a reloader, a tool)
get Asterion in Starlette's place too, by the environment variable `ASTERION_DROPIN`.
"""

import os
import runpy
import sys
from collections.abc import Sequence

from asterion.dropin import turn_on

USAGE = """\
usage: python -m asterion.dropin FILE.py [ARGUMENTS]
       python -m asterion.dropin -m MODULE [ARGUMENTS]

Runs a program with Asterion in Starlette's place.
"""


def _run_file(path: str, arguments: Sequence[str]) -> None:
    sys.argv = [path, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    runpy.run_path(path, run_name="__main__")


def _run_module(name: str, arguments: Sequence[str]) -> None:
    sys.argv = [name, *arguments]  # runpy writes the file's path into the first place
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def main(arguments: Sequence[str]) -> int:
    """Run what the command line names. Returns the exit status of a usage answer; the program's own is its own."""
    match arguments:
        case ["-h" | "--help", *_]:
            sys.stdout.write(USAGE)
            return 0
        case ["-m", name, *rest]:
            turn_on()
            _run_module(name, rest)
        case [path, *rest] if not path.startswith("-"):
            if not os.path.exists(path):
                sys.stderr.write(f"asterion.dropin: no such file: {path!r}; write -m before the name of a module\n")
                return 2
            turn_on()
            _run_file(path, rest)
        case _:
            sys.stderr.write(USAGE)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
