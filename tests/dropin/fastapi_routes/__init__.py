"""FastAPI's routers on the drop-in: that they ask few routes, and take the one that they would have taken.

They run in an interpreter of their own: see `tests/dropin/test_fastapi.py`.
"""
