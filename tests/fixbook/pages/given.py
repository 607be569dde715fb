"""Pages in the three layouts, written for these tests."""

LINES = """The Fix
Upgrade to version 2.1.0 or later.
Based on closed acme/widget issue #77 · PR/commit linked
Production note: Roll out slowly.
@@ -1,3 +1,4 @@
import os
+import sys
-import re
from widget import Widget
def main(request):
widget = Widget(
name="a",
)
return widget
main(None)
Re-run: python example.py
Option A — Upgrade to fixed release\\nUpgrade to version 2.1.0 or later.\\nWhen NOT to use: Never on Mondays.\\n\\n\
Option C — Workaround\\nCall it twice.\\nWhen NOT to use: Never at night.\\n\\n
Why This Fix Works in Production
- Trigger: WidgetError: gone
- Mechanism: The widget forgets itself
- Why the fix works: It remembers. (first fixed release: 2.1.0).
- If left unfixed, widgets go away.
Why This Breaks in Prod
- Shows up under Python 3.9 in real deployments (not just unit tests).
- The widget forgets itself
- Surfaces as: WidgetError: gone
Proof / Evidence
- GitHub issue: #77
- Fix PR: https://github.com/acme/widget/pull/78
- First fixed release: 2.1.0
- Reproduced locally: No (not executed)
- Last verified: 2026-02-09
- Confidence: 0.85
Discussion
High-signal excerpts from the issue thread (symptoms, repros, edge-cases).
“One voice.”
“A voice
on two lines”
Failure Signature (Search String)
- WidgetError: gone
Error Message
Stack trace
Error Message
-------------
Traceback (most recent call last):
File "/srv/widget/core.py", line 3, in get
raise WidgetError("gone")
widget.WidgetError: gone
... (truncated) ...
Minimal Reproduction
from widget import Widget
def main(request):
widget = Widget(
name="a",
)
return widget
main(None)
Environment
- Python: 3.9
What Broke
Widgets are gone.
Why It Broke
The widget forgets itself
Fix Options (Details)
Option A — Upgrade to fixed release Safe default (recommended)
Upgrade to version 2.1.0 or later.
Use when you can deploy the upstream fix. It is usually lower-risk than long-lived workarounds.
Option C — Workaround Temporary workaround
Call it twice.
Use only if you cannot change versions today. Treat this as a stopgap and remove once upgraded.
Fix reference: https://github.com/acme/widget/pull/78
First fixed release: 2.1.0
Last verified: 2026-02-09. Validate in your environment.
When NOT to Use This Fix
- Never on Mondays.
Verify Fix
Re-run: python example.py
Did This Fix Work in Your Case?
Quick signal helps us prioritize which fixes to verify and improve.
Prevention
- Test widgets.
Version Compatibility Table
| Version | Status |
|---|---|
| 2.1.0 | Fixed |
| 2.0.9 | Broken |
Related Issues
No related fixes found.
Sources
We don\u2019t republish the full GitHub discussion text. Use the links above for context."""

SIGNATURE = """The Fix
Upgrade to version 3.0 or later.
Based on closed acme/gadget issue #5 · PR/commit linked
Failure Signature (Search String)
- raise Gone()
Copy-friendly signature
Failure Signature
-----------------
def test_gone():
raise Gone()
Error Message
Signature-only (no traceback captured)
Error Message
-------------
def test_gone():
raise Gone()
Minimal Reproduction
import gadget

gadget.run()
What Broke
Gadgets."""

FLAT = """Jump to solution
Verify

The Fix

Upgrade to version 2.1.0 or later.

Based on open acme/widget issue #78 · PR/commit linked

Jump to Verify Open PR/Commit
@@ -1,3 +1,4 @@ import os +import sys
repro.py
import widget async def get(a): try: return await widget.get(a) except KeyError: \
print("gone") raise class W(widget.W): def f(self): return 1 w = W( a=[1, 2], )
verify
Re-run the minimal reproduction on your broken version, then apply the fix and re-run.

Why This Fix Works in Production

  • Trigger: gone
Production impact:
  • If left unfixed, widgets go away.

Discussion

“One voice.”
@ann · 2022-01-28 · source
“Another.”
@bob · 2022-04-03 · confirmation · source

Error Message

Stack trace
error.txt
Error Message ------------- gone Traceback (most recent call last): File "/srv/w.py", line 1, in get raise Gone w.Gone

Minimal Reproduction

repro.py
import widget async def get(a): try: return await widget.get(a) except KeyError: \
print("gone") raise class W(widget.W): def f(self): return 1 w = W( a=[1, 2], )

Get updates

We publish verified fixes weekly. No spam.

Subscribe

Version Compatibility Table

VersionStatus
2.1.0 Fixed

Related Issues

  • Widgets of other kinds
"""
