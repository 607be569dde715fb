"""The finder of one form field in a body that somebody else reads."""

from asterion.datastructures import Headers
from asterion.formparsers._field import FieldFinder


def test_a_body_that_is_no_form_has_no_field_whatever_it_says():
    finder = FieldFinder(Headers({"content-type": "text/plain"}), "token")
    assert not finder.fits
    finder.feed(b"token=abc", is_last=True)
    assert finder.value is None
