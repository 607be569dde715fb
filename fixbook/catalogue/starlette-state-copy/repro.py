"""Can a State be copied?"""

import copy
import sys

from starlette.datastructures import State

try:
    copied = copy.copy(State({"user": "Ada"}))
    seen, right = f"a copy for {copied.user}", copied.user == "Ada"
except RecursionError:
    seen, right = "RecursionError", False

print(f"seen: {seen}")
sys.exit(0 if right else 1)
