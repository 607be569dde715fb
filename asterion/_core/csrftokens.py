"""Tokens against cross-site request forgery (OWASP: synchronizer tokens, signed double-submit cookies).

Laws: a token proves that its sender has read a page that was made for the same secret; it is another text in every page
(the secret under a new mask), so that a compressed page tells nothing of it letter by letter (BREACH); secrets are
compared in constant time. Randomness is handed in.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

__all__ = ("SECRET_SIZE", "derived_secret", "is_token_of", "masked", "read_secret", "written_secret")

SECRET_SIZE = 32
"""Bytes of a secret, and of a mask."""

_TEXT = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_TOKEN_LENGTH = 86  # 64 bytes in base64 without padding


def masked(secret: bytes, mask: bytes) -> str:
    """Give the token of `secret` under `mask`, which are of one size: 86 characters that need no escape anywhere."""
    return _text(mask + _xor(secret, mask))


def is_token_of(token: str, secret: bytes) -> bool:
    """Whether `token` is one of `secret`, under whatever mask."""
    found = _bytes(token) if len(token) == _TOKEN_LENGTH else None
    if found is None:
        return False
    return hmac.compare_digest(_xor(found[SECRET_SIZE:], found[:SECRET_SIZE]), secret)


def derived_secret(key: bytes, seed: bytes, bound_to: str) -> bytes:
    """Give the secret of a visitor, made of the seed in his cookie and what it is bound to, which takes `key`."""
    return hmac.digest(key, b"asterion.csrf\0" + seed + bound_to.encode("utf-8", "surrogatepass"), "sha256")


def written_secret(secret: bytes) -> str:
    """Give a secret as text, for a cookie or a session."""
    return _text(secret)


def read_secret(text: object) -> bytes | None:
    """Give what `written_secret` has written, None for anything else."""
    found = _bytes(text) if isinstance(text, str) else None
    return found if found is not None and len(found) == SECRET_SIZE else None


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes | None:
    if len(text) > _TOKEN_LENGTH or len(text) % 4 == 1 or not _TEXT.issuperset(text):
        return None
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _xor(one: bytes, other: bytes) -> bytes:
    size = len(one)
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(size)
