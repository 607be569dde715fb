"""Names of parametrised cases."""

import re
from typing import Any


def without_address(value: Any) -> str:
    """The `repr` of a value without its address: the same in every process that runs a share of the tests."""
    return re.sub(r" (at 0x[0-9a-f]+|id='\d+')", "", repr(value))
