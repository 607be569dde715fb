"""Objects that were pickled by Starlette are loaded on the drop-in: caches and queues outlive a change of engines.

Upstream's objects keep their state in a dictionary, and the data structures here have slots. What upstream wrote goes
through the public constructors; what Asterion wrote is taken as it is.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from asterion import datastructures

# Class: upstream's names of what is kept, and the call that makes an object of it.
CLASSES: Final[Mapping[type, tuple[tuple[str, ...], Callable[..., None]]]] = {
    datastructures.ImmutableMultiDict: (
        ("_list", "_dict"),
        lambda made, pairs, _: type(made).__init__(made, pairs),
    ),
    datastructures.URL: (("_url",), lambda made, url: type(made).__init__(made, url)),
    datastructures.Headers: (("_list",), lambda made, raw: type(made).__init__(made, raw=raw)),
    datastructures.Secret: (("_value",), lambda made, value: type(made).__init__(made, value)),
    datastructures.CommaSeparatedStrings: (("_items",), lambda made, items: type(made).__init__(made, items)),
    datastructures.URLPath: ((), lambda made: None),
}


def _loading(names: tuple[str, ...], make: Callable[..., None]) -> Callable[[Any, Any], None]:
    def setstate(made: Any, state: Any) -> None:
        if isinstance(state, dict) and all(name in state for name in names):
            make(made, *(state[name] for name in names))
            rest = [{name: value for name, value in state.items() if name not in names}]
        else:
            rest = [part for part in (state if isinstance(state, tuple) else (state,)) if part]
        for part in rest:
            for name, value in part.items():
                object.__setattr__(made, name, value)

    return setstate


def load_pickles() -> None:
    """Have the data structures read what upstream's wrote. Doing it twice does no harm."""
    for made, (names, make) in CLASSES.items():
        made.__setstate__ = _loading(names, make)  # type: ignore[attr-defined]
