"""Full-text search by each database's own means: FTS5 and bm25 on SQLite, tsvector and ts_rank_cd on PostgreSQL.

Both index and both queries get words that were split here, in one way: a name such as `run_in_threadpool` or
`starlette.requests` is its words. What a person types therefore holds no query syntax by the time it is a query.
Whole words are looked for, and the last one as the beginning of a word, since it may still be being typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import TextClause, text

from fixbook.model import Case
from fixbook.store._documents import storable

__all__ = ["Fields", "excerpt", "fields", "index_statements", "query", "search_statement", "words"]

WORDS = 48  # of a question; a pasted traceback repeats itself
_WORD = re.compile(r"[^\W_]+")


def words(question: str) -> list[str]:
    """The distinct words of a text, in lower case, in order."""
    found = dict.fromkeys(match.group()[:64] for match in _WORD.finditer(storable(question[:20_000]).lower()))
    return list(found)


@dataclass(frozen=True, slots=True)
class Fields:
    """What is indexed of a case, from the heaviest to the lightest."""

    title: str
    failure: str
    body: str


def fields(case: Case) -> Fields:
    """The words of a case under which it is found."""
    title = [case.id, case.title, case.package, case.repository, case.issue, *case.tags]
    failure = [case.error_message, *case.signatures, *case.symptoms, case.trigger]
    body = [
        case.summary,
        case.mechanism,
        case.why_it_works,
        *case.impact,
        *case.prevention,
        *case.not_when,
        *case.notes,
    ]
    body += [part for option in case.options for part in (option.title, option.text, option.not_when)]
    body += [quote.text for quote in case.discussion]
    return Fields(*(_indexed(part) for part in (title, failure, body)))


def _indexed(parts: Iterable[str | None]) -> str:
    return " ".join(match.group()[:64] for part in parts if part for match in _WORD.finditer(storable(part).lower()))


def query(asked: Sequence[str], dialect: str, *, every: bool) -> str:
    """The database's query for cases with every one of these words, or with any of them."""
    if dialect == "sqlite":
        terms = [f'"{word}"' for word in asked]
        terms[-1] += "*"
        return (" AND " if every else " OR ").join(terms)
    terms = [f"'{word}'" for word in asked]
    terms[-1] += ":*"
    return (" & " if every else " | ").join(terms)


def search_statement(dialect: str) -> TextClause:
    """The statement with the parameters `query` and `limit`; rows of document and score."""
    if dialect == "sqlite":
        return text(
            "SELECT cases.document, -bm25(case_search, 0, 8.0, 4.0, 1.0) AS score FROM case_search "
            "JOIN cases ON cases.id = case_search.id WHERE case_search MATCH :query AND cases.listed "
            "ORDER BY score DESC, cases.id LIMIT :limit"
        )
    return text(
        "SELECT document, ts_rank_cd('{0, 0.1, 0.4, 1.0}', search, to_tsquery('simple', :query), 1) AS score "
        "FROM cases WHERE search @@ to_tsquery('simple', :query) AND listed ORDER BY score DESC, id LIMIT :limit"
    )


def index_statements(dialect: str) -> tuple[TextClause, ...]:
    """The statements that index a case anew; parameters `id`, `title`, `failure`, `body`."""
    if dialect == "sqlite":
        return (
            text("DELETE FROM case_search WHERE id = :id"),
            text("INSERT INTO case_search (id, title, failure, body) VALUES (:id, :title, :failure, :body)"),
        )
    return (
        text(
            "UPDATE cases SET search = setweight(to_tsvector('simple', :title), 'A') || "
            "setweight(to_tsvector('simple', :failure), 'B') || setweight(to_tsvector('simple', :body), 'C') "
            "WHERE id = :id"
        ),
    )


def excerpt(case: Case, asked: Sequence[str]) -> str | None:
    """The first line of the case, beside its title, that has one of the words; at most 240 characters."""
    for part in (case.summary, case.error_message, *case.signatures, case.trigger, case.mechanism, *case.symptoms):
        for line in (part or "").splitlines():
            place = min((at for word in asked if (at := line.lower().find(word)) >= 0), default=-1)
            if place >= 0:
                start = max(0, place - 80)
                return ("…" if start else "") + line[start : start + 238].strip() + ("…" if line[start + 238 :] else "")
    return None
