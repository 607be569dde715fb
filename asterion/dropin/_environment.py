"""The environment variable `ASTERION_DROPIN`: the drop-in from the start of an interpreter, and of its children.

Two files can see the variable at the start. The wheel, an editable one as well, puts `asterion_dropin.pth` among the
installed packages. Where that is missing (Asterion is on the path without being installed) `turn_on` puts the folder of
a `sitecustomize` into `PYTHONPATH`, so that child processes see it all the same.
"""

import os
import sys
from pathlib import Path
from typing import Final

from asterion.dropin._finder import install

VARIABLE: Final = "ASTERION_DROPIN"
_OFF: Final = ("", "0", "false", "no", "off")
_HOOK: Final = "asterion_dropin.pth"
_FOLDER: Final = Path(__file__).parent / "_sitecustomize"


def is_asked_for() -> bool:
    """Whether the environment asks for the drop-in: the variable is set, and to none of 0, false, no, off."""
    return os.environ.get(VARIABLE, "").lower() not in _OFF


def turn_on() -> None:
    """`install()`, for this process and every Python process that it starts.

    Raises:
        RuntimeError: the real Starlette has been imported already; nothing was changed.
    """
    install()
    os.environ[VARIABLE] = "1"
    home = _FOLDER.parent
    if any(os.path.isfile(os.path.join(entry, _HOOK)) for entry in sys.path if Path(entry) != home):
        return
    # The folder above the package too: a child without it on its path could not import what it shall install.
    needed = [str(_FOLDER), str(home.parents[1])]
    present = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [entry for entry in needed[:1] if entry not in present] + present + [needed[1]] * (needed[1] not in present)
    )
