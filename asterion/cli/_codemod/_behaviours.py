"""Code that works, but meets one of the behaviours in which Asterion differs by choice."""

import re

import libcst as cst

from asterion.cli._codemod._tree import path_of, text_of

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)

_CALL_NEXT = (
    "`except` around call_next: on the face Asterion an unhandled error comes back as the 500 response instead of "
    "being raised here; the face Starlette raises it, as itself and never in an ExceptionGroup"
)
_COOKIE_NAME = "set_cookie: a name that is no token (RFC 6265 4.1.1) is a ValueError"
_SESSION = (
    "SessionMiddleware: cookies that Starlette signed are read only with salt='itsdangerous.Signer'; without it "
    "everybody is logged out once"
)


_FASTAPI = re.compile(rb"^[ \t]*(?:import|from)[ \t]+fastapi\b", re.ASCII | re.MULTILINE)
_WORDS = re.compile(rb"call_next|set_cookie|SessionMiddleware", re.ASCII)


def imports_fastapi(source: bytes) -> bool:
    """Whether a line of a file imports FastAPI."""
    return _FASTAPI.search(source) is not None


def has_behaviours(source: bytes) -> bool:
    """Whether a visit can find anything: cheap to ask, and nearly always no."""
    return _WORDS.search(source) is not None


class Behaviours(cst.CSTVisitor):
    """Collects such places as `found`: nodes, and what there is to say about them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[cst.CSTNode, str]] = []
        self._tries: list[bool] = []

    def _note(self, node: cst.CSTNode, says: str) -> None:
        self.found.append((node, says))

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._tries.append(False)

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self._tries.pop()

    def visit_Try_body(self, node: cst.Try) -> None:
        self._tries.append(bool(node.handlers))

    def leave_Try_body(self, node: cst.Try) -> None:
        self._tries.pop()

    def visit_TryStar_body(self, node: cst.TryStar) -> None:
        self._tries.append(bool(node.handlers))

    def leave_TryStar_body(self, node: cst.TryStar) -> None:
        self._tries.pop()

    def visit_Call(self, node: cst.Call) -> None:
        called = path_of(node.func).rpartition(".")[2]
        if not called and isinstance(node.func, cst.Attribute):
            called = node.func.attr.value
        if called == "call_next" and self._tries and self._tries[-1]:
            self._note(node, _CALL_NEXT)
        elif called == "set_cookie":
            self._judge_cookie(node)
        elif _names_session(node, called) and not any(_keyword(arg) == "salt" for arg in node.args):
            self._note(node, _SESSION)

    def _judge_cookie(self, node: cst.Call) -> None:
        keys = [arg.value for arg in node.args if _keyword(arg) == "key"]
        keys += [arg.value for arg in node.args[:1] if arg.keyword is None]
        name = text_of(keys[0]) if keys else None
        if keys and isinstance(keys[0], cst.SimpleString) and (name is None or not _TOKEN.fullmatch(name)):
            self._note(node, _COOKIE_NAME)


def _keyword(arg: cst.Arg) -> str | None:
    return None if arg.keyword is None else arg.keyword.value


def _names_session(node: cst.Call, called: str) -> bool:
    if called == "SessionMiddleware":
        return True
    first = node.args[0].value if node.args else None
    return called in ("Middleware", "add_middleware") and path_of(first).rpartition(".")[2] == "SessionMiddleware"
