"""A film of given pictures as a WebM file with an index, so that a player can seek in it (RFC 8794, RFC 9559)."""

import base64
import struct
from collections.abc import Sequence

EBML, SEGMENT, INFO, TRACKS, CUES, CLUSTER = "1A45DFA3", "18538067", "1549A966", "1654AE6B", "1C53BB6B", "1F43B675"
VOID = "EC"


def element(identifier: str, *content: bytes) -> bytes:
    """One element: its identifier, its size in eight bytes, its content."""
    joined = b"".join(content)
    return bytes.fromhex(identifier) + (len(joined) | 1 << 56).to_bytes(8, "big") + joined


def number(identifier: str, value: int) -> bytes:
    return element(identifier, value.to_bytes(8, "big"))


def picture_of(data_url: str) -> bytes:
    """The key frame in VP8 that a lossy WebP picture is (RFC 9649 2.5), from a URL with its data."""
    riff = base64.b64decode(data_url.removeprefix("data:image/webp;base64,"))
    place = 12
    while place < len(riff):
        name, size = struct.unpack_from("<4sI", riff, place)
        if name == b"VP8 ":
            return riff[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
    raise ValueError(f"not a lossy WebP picture: {riff[:16]!r}")


def film(pictures: Sequence[bytes], side: int, filling: int) -> bytes:
    """A film that shows each picture, a square of `side` pixels, for a second; `filling` is the bytes between them."""
    tracks = element(
        TRACKS,
        element(
            "AE",
            *(number("D7", 1), number("73C5", 1), number("83", 1), element("86", b"V_VP8"), number("23E383", 10**9)),
            element("E0", number("B0", side), number("BA", side)),
        ),
    )
    info = element(INFO, number("2AD7B1", 1_000_000), element("4489", struct.pack(">d", 1000.0 * len(pictures))))
    clusters = [
        element(
            CLUSTER,
            number("E7", 1000 * second),
            element("A3", b"\x81\x00\x00\x80", picture),
            element(VOID, bytes(filling)),
        )
        for second, picture in enumerate(pictures)
    ]
    start = len(info) + len(tracks)
    start += len(index(start, clusters))
    header = element(EBML, element("4282", b"webm"), number("4287", 2), number("4285", 2))
    return header + element(SEGMENT, info, tracks, index(start, clusters), *clusters)


def index(start: int, clusters: Sequence[bytes]) -> bytes:
    """Where each second begins, counted from the start of the segment's content; its size does not depend on it."""
    points = []
    for second, cluster in enumerate(clusters):
        points.append(element("BB", number("B3", 1000 * second), element("B7", number("F7", 1), number("F1", start))))
        start += len(cluster)
    return element(CUES, *points)
