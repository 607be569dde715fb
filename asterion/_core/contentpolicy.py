"""Texts of security headers, checked when they are written: Content-Security-Policy, Permissions-Policy, HSTS.

A browser ignores what it does not understand in such a header, without a word to the server: what is refused here are
the mistakes that would leave a page unprotected, or that would let a value say more than one header.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ("NONCE", "Policy", "StrictTransportSecurity", "checked_text", "permissions_text", "policy_text")

NONCE = "'nonce-{nonce}'"
"""A source of a policy: scripts and styles that carry the nonce of this very response."""

Policy = str | Mapping[str, str | Sequence[str]]
"""A Content-Security-Policy: its text, or sources by directive (`{"script-src": ["'self'", NONCE]}`)."""

_DIRECTIVE = re.compile("[A-Za-z0-9-]+")
_KEYWORD = re.compile(
    "(?:self|none|unsafe-inline|unsafe-eval|unsafe-hashes|wasm-unsafe-eval|strict-dynamic|report-sample"
    "|nonce-.*|sha(?:256|384|512)-.*)",
    re.IGNORECASE,
)
_FEATURE = re.compile("[a-z0-9-]+")
_ORIGIN_LIST_WORD = re.compile('(?:self|src|"[^"\\\\]+")')
_YEAR = 365 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class StrictTransportSecurity:
    """What browsers are told about TLS (RFC 6797): for `max_age` seconds this host is to be reached over it alone.

    `include_subdomains` says the same of every host below; `preload` agrees to a place on the lists that browsers are
    built with, which nobody gets off within months. `max_age=0` takes it all back. Raises ValueError for a negative
    age, and for `preload` without subdomains or with less than a year, which those lists refuse.
    """

    max_age: int = _YEAR
    include_subdomains: bool = False
    preload: bool = False

    def __post_init__(self) -> None:
        if type(self.max_age) is not int or self.max_age < 0:
            raise ValueError(f"max_age is a number of seconds, 0 or more; got {self.max_age!r}")
        if self.preload and (self.max_age < _YEAR or not self.include_subdomains):
            raise ValueError(
                f"preload needs include_subdomains=True and a max_age of a year ({_YEAR}) or more; got "
                f"include_subdomains={self.include_subdomains} and max_age={self.max_age}"
            )

    def __str__(self) -> str:
        subdomains = "; includeSubDomains" if self.include_subdomains else ""
        return f"max-age={self.max_age}{subdomains}{'; preload' if self.preload else ''}"


def checked_text(value: object, name: str) -> str:
    """Give `value` if it can be a header as it is. Raises ValueError for controls, empty text and what is not ASCII."""
    if not isinstance(value, str) or not value.strip() or not value.isascii() or not value.isprintable():
        raise ValueError(f"{name} is printable ASCII on one line, or None for no such header; got {value!r}")
    return value.strip()


def policy_text(policy: Policy, name: str) -> str:
    """Give the text of a Content-Security-Policy, with `{nonce}` where the nonce belongs (CSP level 3, section 2.2).

    Raises ValueError for what a browser would ignore or read as something else: a directive twice, a keyword without
    its quotes, `'none'` beside other sources, a comma, a nonce that stays the same, controls.
    """
    if isinstance(policy, str):
        checked_text(policy, name)
        parts = [part.split() for part in policy.split(";")]
    else:
        parts = [_directive(key, value, name) for key, value in policy.items()]
    parts = [part for part in parts if part]
    if not parts:
        raise ValueError(f"{name} has no directive: write None for no such header")
    known: set[str] = set()
    for directive, *sources in parts:
        key = directive.lower()
        if _DIRECTIVE.fullmatch(directive) is None:
            raise ValueError(f"{directive!r} in {name} is no directive: letters, digits and hyphens, as in script-src")
        if key in known:
            raise ValueError(
                f"{directive!r} is twice in {name}: browsers ignore the second; write all its sources once"
            )
        known.add(key)
        _check_sources(key, sources, name)
    return "; ".join(" ".join(part) for part in parts)


def _directive(key: str, value: str | Sequence[str], name: str) -> list[str]:
    sources = [value] if isinstance(value, str) else list(value)
    for text in (key, *sources):
        if ";" in checked_text(text, name):
            raise ValueError(f"{text!r} in {name} has a semicolon: write one directive for each key")
    return [key, *" ".join(sources).split()]


def _check_sources(directive: str, sources: Sequence[str], name: str) -> None:
    for source in sources:
        where = f"{source!r} in {directive} of {name}"
        if "," in source:
            raise ValueError(f"{where} has a comma, which would begin another policy: sources are apart by spaces")
        if directive.endswith(("-src", "-src-elem", "-src-attr", "-ancestors", "-uri", "-action")):
            if _KEYWORD.fullmatch(source):
                raise ValueError(f"{where} would be the name of a host: write it in quotes, \"'{source}'\"")
            if source.lower().startswith("'nonce-") and source != NONCE:
                raise ValueError(
                    f"{where} is the same in every response, and so protects nothing: write NONCE, {NONCE}"
                )
            if source.lower() == "'none'" and len(sources) > 1:
                raise ValueError(f"{where} is ignored beside other sources: write it alone or leave it out")
    if any("{" in source and source != NONCE for source in sources):
        raise ValueError(f"{directive} of {name} has a brace; the one place-holder is NONCE, {NONCE}")


def permissions_text(policy: str | Mapping[str, Sequence[str] | str]) -> str:
    """Give the text of a Permissions-Policy: `{"camera": (), "geolocation": ["self", "https://maps.example"]}`.

    Nobody may use a feature with no origins. Raises ValueError for what is no feature or no origin.
    """
    if isinstance(policy, str):
        return checked_text(policy, "permissions_policy")
    made = []
    for feature, origins in policy.items():
        if _FEATURE.fullmatch(feature) is None:
            raise ValueError(
                f"{feature!r} in permissions_policy is no feature: small letters and hyphens, as in camera"
            )
        if origins == "*":
            made.append(f"{feature}=*")
            continue
        words = [origins] if isinstance(origins, str) else list(origins)
        made.append(f"{feature}=({' '.join(_allowed(word, feature) for word in words)})")
    return checked_text(", ".join(made), "permissions_policy")


def _allowed(origin: str, feature: str) -> str:
    word = origin if origin in ("self", "src") else f'"{origin}"'
    if _ORIGIN_LIST_WORD.fullmatch(word) is None or not ("://" in word or word in ("self", "src")) or " " in word:
        raise ValueError(
            f"{origin!r} of {feature} in permissions_policy is neither 'self', 'src' nor an origin, https://..."
        )
    return word
