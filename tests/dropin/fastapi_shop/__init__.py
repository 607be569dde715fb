"""A small shop in FastAPI, as people write them, and its tests. They run in an interpreter of their own: see
`tests/dropin/test_fastapi.py`."""
