"""The known cases in the order in which they explain a text, each with the reasons for its place.

Four kinds of evidence are weighed: shared frames, the exception type, its normalised message, and the declared
signatures of the case found in the text; shared words count for little and decide only where nothing else is there.
What many cases share (`RuntimeError`, a frame of the event loop) weighs less than what one case has alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from fixbook.finding._signature import Frame, Signature, signature
from fixbook.finding._text import clean, normalise, unprefixed, words
from fixbook.model import Case

__all__ = ["Index", "Match", "rank"]

_WEIGHTS = {"frames": 0.75, "exception": 0.35, "message": 0.75, "signature": 0.75, "words": 0.4, "name": 0.9}
_LEAST = 0.08
_SHORTEST = 8


@dataclass(frozen=True, slots=True)
class Match:
    """A case that may explain the text."""

    case: Case
    score: float  # 0 to 1
    reasons: tuple[str, ...]  # sentences for people, the weightiest first


@dataclass(frozen=True, slots=True)
class _Known:
    """A case as it is compared with."""

    case: Case
    frames: frozenset[Frame]
    functions: dict[str, list[Frame]]
    exceptions: frozenset[str]  # without their modules
    messages: tuple[str, ...]
    signatures: tuple[tuple[str, str], ...]  # normalised, as written
    words: frozenset[str]


@dataclass(slots=True)
class _Evidence:
    """What was found for one case: how strong each kind is, 0 to 1, and why."""

    strengths: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, strength: float, reason: str) -> None:
        """Take evidence of one kind; the strongest counts."""
        if strength > self.strengths.get(kind, 0.0):
            self.strengths[kind] = min(1.0, strength)
            self.reasons[kind] = reason

    def score(self) -> float:
        """Independent pieces of evidence together: each takes its share of the doubt that is left."""
        return 1 - math.prod(1 - _WEIGHTS[kind] * strength for kind, strength in self.strengths.items())

    def told(self) -> tuple[str, ...]:
        """The reasons, the weightiest first."""
        order = sorted(self.strengths, key=lambda kind: -_WEIGHTS[kind] * self.strengths[kind])
        return tuple(self.reasons[kind] for kind in order)


def rank(text: str, cases: Iterable[Case], limit: int = 10) -> tuple[Match, ...]:
    """The cases that explain `text`, best first; empty where none does. To ask more than once, keep an `Index`."""
    return Index(cases).rank(text, limit)


class Index:
    """Cases, prepared to be compared with many texts."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self._known = tuple(_known(case) for case in cases)
        self._frames = Counter(frame for known in self._known for frame in known.frames)
        self._exceptions = Counter(name for known in self._known for name in known.exceptions)
        self._words = Counter(word for known in self._known for word in known.words)

    def rank(self, text: str, limit: int = 10) -> tuple[Match, ...]:
        """The cases that explain `text`, best first."""
        asked = signature(text)
        cleaned = clean(text)
        whole = normalise(" ".join(unprefixed(line) for line in cleaned.split("\n")))
        terms = words(cleaned)
        matches = []
        for known in self._known:
            evidence = _Evidence()
            self._by_frames(asked, known, evidence)
            self._by_exception(asked, known, evidence)
            _by_message(asked, known, evidence)
            _by_signature(whole, known, evidence)
            self._by_words(terms, known, evidence)
            _by_name(cleaned[:200], known, evidence)
            if (score := evidence.score()) >= _LEAST:
                matches.append(Match(known.case, round(score, 4), evidence.told()))
        matches.sort(key=lambda match: (-match.score, match.case.id))
        return tuple(matches[:limit])

    def _rarity(self, count: int) -> float:
        """1 for what one case has alone, towards 0 for what all have."""
        return math.log(1 + len(self._known) / count) / math.log(1 + len(self._known)) if count else 0.0

    def _by_frames(self, asked: Signature, known: _Known, evidence: _Evidence) -> None:
        pairs = {frame: match for frame in asked.frames if (match := _counterpart(frame, known)) is not None}
        if not pairs:
            return
        shared = set(pairs.values())
        weight = sum(self._rarity(self._frames[frame]) for frame in shared)
        possible = min(len(set(asked.frames)), len(known.frames))
        strength = weight / (weight + 1) * math.sqrt(len(shared) / possible)
        names = ", ".join(str(frame) for frame in list(pairs)[-3:])
        count = f"{len(shared)} frames are the same" if len(shared) > 1 else "a frame is the same"
        evidence.add("frames", strength, f"{count}: {names}")

    def _by_exception(self, asked: Signature, known: _Known, evidence: _Evidence) -> None:
        for name in asked.exceptions:
            short = name.rpartition(".")[2]
            if short in known.exceptions:
                share = 1.0 if name == asked.exception else 0.6
                evidence.add("exception", share * self._rarity(self._exceptions[short]), f"the exception is {short}")

    def _by_words(self, terms: set[str], known: _Known, evidence: _Evidence) -> None:
        shared = terms & known.words
        if not shared:
            return
        weights = {word: self._rarity(self._words[word]) for word in shared}
        asked = sum(weights.values()) + sum(0.5 for word in terms if word not in known.words)
        total = sum(weights.values())
        best = sorted(shared, key=lambda word: (-weights[word], word))[:5]
        strength = total / max(asked, 1.0) * min(1.0, total / 2)
        evidence.add("words", strength, f"words in common: {', '.join(best)}")


def _known(case: Case) -> _Known:
    declared = tuple(text for text in (*case.signatures, *case.symptoms) if text.strip())
    told = [signature(text) for text in (*declared, case.error_message or "") if text]
    exceptions = {name.rpartition(".")[2] for one in told for name in one.exceptions}
    frames = sorted({frame for one in told for frame in one.frames}, key=str)
    functions: dict[str, list[Frame]] = {}
    for frame in frames:
        if frame.function:
            functions.setdefault(frame.function, []).append(frame)
    reproduction = case.reproduction
    for expectation in (reproduction.broken,) if reproduction and reproduction.broken else ():
        if expectation.exception:
            exceptions.add(expectation.exception.rpartition(".")[2])
    texts = (case.title, case.summary, case.trigger, case.mechanism, *case.symptoms, *case.impact, *case.tags)
    pairs = [(normalise(" ".join(map(unprefixed, text.split("\n")))), text.strip()) for text in declared]
    return _Known(
        case=case,
        frames=frozenset(frames),
        functions=functions,
        exceptions=frozenset(exceptions),
        messages=tuple(one.message for one in told if one.exception is not None and one.message),
        signatures=tuple(pair for pair in pairs if len(pair[0]) >= _SHORTEST),
        words=frozenset(words(" ".join(text for text in (*texts, *declared) if text))),
    )


def _counterpart(frame: Frame, known: _Known) -> Frame | None:
    """The frame of the case that is the same, whether or not both tell the whole module path."""
    if frame in known.frames:
        return frame
    for other in known.functions.get(frame.function, ()):
        if _ends_alike(frame.module, other.module):
            return other
    return None


def _ends_alike(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return "." in short and long.endswith("." + short)


def _by_message(asked: Signature, known: _Known, evidence: _Evidence) -> None:
    if not asked.message or asked.exception is None:
        return
    for message in known.messages:
        if message == asked.message:
            strength = 1.0 if len(message) >= _SHORTEST else 0.4
        else:
            short, long = sorted((message, asked.message), key=len)
            if len(short) >= _SHORTEST and short in long:
                strength = 0.5 + 0.4 * len(short) / len(long)
            else:
                strength = 0.6 * _alike(words(message), words(asked.message))
        if strength > 0.2:
            evidence.add("message", strength, f"the message is {'like ' if strength < 0.9 else ''}“{message[:120]}”")


def _alike(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0


def _by_signature(whole: str, known: _Known, evidence: _Evidence) -> None:
    for normalised, written in known.signatures:
        if normalised in whole:
            strength = min(1.0, 0.3 + len(normalised) / 60)
            evidence.add("signature", strength, f"the signature is in the text: “{written[:120]}”")


def _by_name(text: str, known: _Known, evidence: _Evidence) -> None:
    asked = text.strip().casefold()
    issue = (known.case.issue or "").rpartition("/")[2].removeprefix("#")
    if asked == known.case.id.casefold():
        evidence.add("name", 1.0, "this is the name of the case")
    elif issue and asked.removeprefix("#") == issue.casefold():
        evidence.add("name", 1.0, f"this is the number of the issue, {issue}")
