"""Running reproductions: on the version that fails, on the one that does not, on the newest, on Asterion.

Every run has an environment of its own versions, an empty directory, limits on all that it can take, and none of the
secrets of the process that asks for it. What it showed is judged by what the case declares, never by a guess, and what
could not be run is "not verified", never a pass.
"""

from fixbook.execution._environments import default_cache
from fixbook.execution._execute import digest_of, execute, plan
from fixbook.execution._judge import judge
from fixbook.execution._limits import Event, Limits
from fixbook.execution._recorded import record_runs, recorded_runs

__all__ = ["Event", "Limits", "default_cache", "digest_of", "execute", "judge", "plan", "record_runs", "recorded_runs"]
