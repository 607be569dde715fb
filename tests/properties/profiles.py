"""How hard the properties are tried.

By default every run tries the same inputs, few enough for `make test`. `ASTERION_PROPERTIES=long` (`make properties`)
tries twenty times as many, new ones in every run; what fails is printed with the line that replays it.
"""

import os

from hypothesis import HealthCheck, settings

LONG = os.environ.get("ASTERION_PROPERTIES") == "long"


def steady(examples: int) -> settings:
    """Settings for a property: `examples` inputs in the quick form, twenty times as many in the long one."""
    return settings(
        max_examples=examples * (20 if LONG else 1),
        derandomize=not LONG,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
    )
