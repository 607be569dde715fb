"""The finder of one form field in a body that somebody else reads."""

from asterion.datastructures import Headers
from asterion.formparsers._field import FieldFinder


def test_a_body_that_is_no_form_has_no_field_whatever_it_says():
    finder = FieldFinder(Headers({"content-type": "text/plain"}), "token")
    assert not finder.fits
    finder.feed(b"token=abc", is_last=True)
    assert finder.value is None


def part(value: bytes) -> bytes:
    return b'--b\r\ncontent-disposition: form-data; name="token"\r\n\r\n' + value + b"\r\n"


def test_a_value_that_is_too_long_to_be_one_leaves_nothing_in_the_next():
    finder = FieldFinder(Headers({"content-type": "multipart/form-data; boundary=b"}), "token")
    finder.feed(part(b"x" * 5000) + part(b"abc") + b"--b--\r\n", is_last=True)
    assert finder.value == "abc"


def test_a_value_may_have_1024_bytes():
    for size, found in ((1024, "x" * 1024), (1025, None)):
        finder = FieldFinder(Headers({"content-type": "multipart/form-data; boundary=b"}), "token")
        finder.feed(part(b"x" * size) + b"--b--\r\n", is_last=True)
        assert finder.value == found
