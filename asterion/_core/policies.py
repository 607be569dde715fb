"""The choices that tell the two faces apart.

A *bug* of upstream is fixed for everybody; a *documented choice* of upstream that Asterion makes otherwise is one field
here, with its reason. `Asterion` carries `ASTERION`, `Starlette` carries `STARLETTE`. Nothing else in the toolkit asks
which face it serves: it asks the policy.
"""

from dataclasses import dataclass
from typing import Any

from asterion.types import Scope


@dataclass(frozen=True, slots=True)
class Policies:
    """What an application has chosen where upstream chose otherwise."""

    background_isolated: bool = True
    """Run every background task even if an earlier one failed: what was asked for is done. Upstream stops there."""

    background_survives_cancel: bool = True
    """Background work runs in a task the application owns: cancelling the request leaves it. Upstream lets it die."""

    background_grace: float = 30.0
    """Seconds that shutdown waits for such work before it is cancelled."""


ASTERION = Policies()
STARLETTE = Policies(background_isolated=False, background_survives_cancel=False)


def policies_of(scope: Scope) -> Policies:
    """The policies of the application that serves `scope`; Asterion's own where no application is named in it."""
    app: Any = scope.get("app")
    return getattr(app, "policies", ASTERION)
