"""The parser of url-encoded forms, as a class over a stream; the rules are in `asterion._core.forms`."""

from collections.abc import AsyncIterable
from enum import Enum

from asterion._core.forms import FormLimits, UrlEncodedDecoder
from asterion.concurrency import Turns, run_framework_io
from asterion.datastructures import FormData, Headers, UploadFile
from asterion.formparsers._slices import slices


class FormMessage(Enum):
    """The events of a url-encoded form, as upstream numbers them."""

    FIELD_START = 1
    FIELD_NAME = 2
    FIELD_DATA = 3
    FIELD_END = 4
    END = 5


class FormParser:
    """Reads an `application/x-www-form-urlencoded` body from `stream`.

    `await parse()` gives the form. The `on_field_*` methods take fields from some other tokenizer into the same form,
    under the same limits. `limits`, if given, stands in place of the two numbers.
    """

    def __init__(
        self,
        headers: Headers,
        stream: AsyncIterable[bytes],
        *,
        max_fields: int | float = 1000,
        max_part_size: int = 1024 * 1024,
        limits: FormLimits | None = None,
    ) -> None:
        self.headers = headers
        self.stream = stream
        self.limits = limits or FormLimits(max_fields=max_fields, max_part_size=max_part_size)
        self.max_fields = self.limits.max_fields
        self.max_part_size = self.limits.max_part_size
        self._decoder = UrlEncodedDecoder(self.limits)
        self._current_fields = 0
        self._field_name = bytearray()
        self._field_value = bytearray()

    async def parse(self) -> FormData:
        """Read the stream to its end and return the form.

        Raises MultiPartException for bytes that are not UTF-8 and when a limit is reached.
        """
        decoder, turns = self._decoder, Turns()
        async for chunk in self.stream:
            for piece in slices(chunk):
                if decoder.completes_long(piece):
                    # A field is unquoted as a whole, in slices between which other threads have their turns.
                    await run_framework_io(decoder.feed, piece)
                else:
                    decoder.feed(piece)
                await turns.give()
        found = await run_framework_io(decoder.finish) if decoder.completes_long(None) else decoder.finish()
        items: list[tuple[str, str | UploadFile]] = list(found)
        return FormData(items)

    def on_field_start(self) -> None:
        """A field begins."""
        self._current_fields += 1
        if self._current_fields > self.limits.max_fields:
            raise self.limits.too_many("fields")
        self._field_name.clear()
        self._field_value.clear()

    def on_field_name(self, data: bytes, start: int, end: int) -> None:
        """`data[start:end]` belongs to its name."""
        self._grow(self._field_name, data[start:end])

    def on_field_data(self, data: bytes, start: int, end: int) -> None:
        """`data[start:end]` belongs to its value."""
        self._grow(self._field_value, data[start:end])

    def on_field_end(self) -> None:
        """The field is complete."""
        self._decoder.add(bytes(self._field_name), bytes(self._field_value))

    def on_end(self) -> None:
        """The form is complete."""

    def _grow(self, text: bytearray, data: bytes) -> None:
        if len(self._field_name) + len(self._field_value) + len(data) > self.limits.max_part_size:
            raise self.limits.part_too_large(self._field_name[:100].decode("utf-8", "replace"))
        text += data
