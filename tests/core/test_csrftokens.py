"""Tokens under masks: each is one of its secret, and of no other."""

from hypothesis import given
from hypothesis import strategies as st

from asterion._core.csrftokens import SECRET_SIZE, derived_secret, is_token_of, masked, read_secret, written_secret
from tests.properties.profiles import steady

SECRETS = st.binary(min_size=SECRET_SIZE, max_size=SECRET_SIZE)


@given(SECRETS, SECRETS, SECRETS)
@steady(100)
def test_a_token_is_one_of_its_secret_under_every_mask_and_of_no_other(
    secret: bytes, mask: bytes, other: bytes
) -> None:
    token = masked(secret, mask)
    assert token.replace("-", "").replace("_", "").isalnum()
    assert is_token_of(token, secret)
    assert is_token_of(token, other) == (secret == other)
    assert read_secret(written_secret(secret)) == secret
    assert read_secret(token) is None


@given(st.text(max_size=100), SECRETS)
@steady(100)
def test_other_text_is_no_token_and_no_secret(text: str, secret: bytes) -> None:
    assert not is_token_of(text, secret)
    assert read_secret(text) is None or len(text) == 43


def test_a_secret_depends_on_key_seed_and_what_it_is_bound_to() -> None:
    seed = bytes(SECRET_SIZE)
    made = {derived_secret(key, seed, bound) for key in (b"a", b"b") for bound in ("", "ann", "\ud800")}
    assert len(made | {derived_secret(b"a", b"\1" * SECRET_SIZE, "")}) == 7
