"""Attacks on files: paths that lead out of a directory, ranges, files that change while they are sent."""

import os
import tempfile
from pathlib import Path
from time import process_time

from tests.asgi import Exchange, http_scope
from tests.attacks.kit import Kit, attack, crashes, request

SECRET = b"not for you"


def _static(kit: Kit, base: str, **kwargs: object) -> object:
    root = Path(base) / "static"
    for folder in (root, Path(base) / "static_secret"):
        folder.mkdir(exist_ok=True)
    (root / "a.txt").write_bytes(b"public " * 100)
    (Path(base) / "static_secret" / "s.txt").write_bytes(SECRET)
    (Path(base) / "s.txt").write_bytes(SECRET)
    return kit.app(routes=[kit.routing.Mount("/static", kit.staticfiles.StaticFiles(directory=root, **kwargs))])


async def _reaches(kit: Kit, *paths: str, **kwargs: object) -> str | None:
    with tempfile.TemporaryDirectory() as base:
        app = _static(kit, base, **kwargs)
        for path in paths:
            status, body = await crashes(app, "GET", path)
            if SECRET in body or status == 500 or status == 200:
                return f"{path!r} answered with {status}"
    return None


@attack(1, 45, 73)
async def dots_and_siblings_lead_out_of_the_directory(kit: Kit) -> str | None:
    paths = ["/static/../static_secret/s.txt", "/static/../s.txt", "/static/../../etc/passwd", "/static//etc/passwd"]
    found = await _reaches(kit, *paths, "/static/a/../../s.txt", "/static/..//s.txt")
    return found or await _reaches(kit, *paths, follow_symlink=True)


@attack(9, 33, 61, 81)
async def backslashes_and_network_shares(kit: Kit) -> str | None:
    return await _reaches(
        kit, "/static/\\\\host\\share\\x", "/static/..\\s.txt", "/static///host/share", "/static/C:\\s.txt"
    )


@attack(35, 36, 37, 38)
async def device_names(kit: Kit) -> str | None:
    return await _reaches(kit, *(f"/static/{name}" for name in ("CON", "NUL.txt ", "a/COM1", "CON:", "a.txt\0.html")))


@attack(55)
async def absolute_paths_tell_what_exists(kit: Kit) -> str | None:
    with tempfile.TemporaryDirectory() as base:
        app = _static(kit, base)
        there = await crashes(app, "GET", f"/static/{base}/s.txt")
        absent = await crashes(app, "GET", f"/static/{base}/absent.txt")
        return None if there == absent else f"{there} where the file exists, {absent} where not"


@attack(49)
async def a_link_or_a_compressed_twin_leaves_the_directory(kit: Kit) -> str | None:
    with tempfile.TemporaryDirectory() as base:
        app = _static(kit, base)
        for name in ("a.txt.gz", "link.txt"):
            os.symlink(Path(base) / "s.txt", Path(base) / "static" / name)
        for path in ("/static/a.txt", "/static/link.txt"):
            _, body = await crashes(app, "GET", path, headers=[("accept-encoding", "gzip, br")])
            if SECRET in body:
                return f"{path!r} leads out"
    return None


@attack(47)
async def a_directory_is_listed(kit: Kit) -> str | None:
    with tempfile.TemporaryDirectory() as base:
        app = _static(kit, base)
        (Path(base) / "static" / "d").mkdir()
        (Path(base) / "static" / "d" / "<img src=x onerror=1>").write_bytes(b"")
        status, body = await crashes(app, "GET", "/static/d/")
        return f"answered with {status}" if status == 200 or b"onerror" in body else None


async def _asked(kit: Kit, header: str, size: int = 100_000) -> tuple[int, float]:
    with tempfile.TemporaryDirectory() as base:
        file = Path(base) / "f.bin"
        file.write_bytes(bytes(size))
        start = process_time()
        status, _ = await crashes(kit.responses.FileResponse(file), headers=[("range", header)])
        return status, process_time() - start


@attack(6)
async def thousands_of_ranges_take_quadratic_time(kit: Kit) -> str | None:
    status, seconds = await _asked(kit, "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 32_000, 2)))
    return f"{seconds:.1f} s, {status}" if seconds > 2 or status == 500 else None


@attack(43, 53, 54)
async def ranges_in_other_digits_or_with_signs(kit: Kit) -> str | None:
    for header in ("bytes=1_0-2_0", "bytes=+1-+5", "bytes= 1 - 5 ", "bytes=0-\xb2", "bytes=0-" + "9" * 5000 + "x"):
        status, _ = await _asked(kit, header)
        if status in (206, 500):
            return f"{header[:30]!r} answered with {status}"
    return None


@attack(12)
async def a_file_shrinks_while_it_is_sent(kit: Kit) -> str | None:
    for header in ("", "bytes=0-150000", "bytes=0-5,100000-150000"):
        with tempfile.TemporaryDirectory() as base:
            file = Path(base) / "f.bin"
            file.write_bytes(bytes(1_000_000))

            def shrink(message: dict[str, object], file: Path = file) -> None:
                if message["type"] == "http.response.start":
                    os.truncate(file, 1000)

            scope = http_scope(headers=[("range", header)] if header else [])
            exchange = Exchange(kit.responses.FileResponse(file), scope, on_send=shrink)
            try:
                await exchange.run()
            except Exception:
                continue
            if exchange.complete and len(exchange.body) < int(exchange.headers["content-length"]):
                return f"ends as complete after {len(exchange.body)} bytes (Range: {header or 'none'})"
    return None


@attack(66)
async def line_breaks_in_the_content_type_of_parts(kit: Kit) -> str | None:
    with tempfile.TemporaryDirectory() as base:
        file = Path(base) / "f.bin"
        file.write_bytes(bytes(1000))
        try:
            response = kit.responses.FileResponse(file, media_type="a/b\r\nX-Injected: c")
            answer = await request(response, headers=[("range", "bytes=0-1,5-9")])
        except Exception:
            return None
        injected = b"\r\nX-Injected" in answer.body or b"\r\n" in dict(answer.raw_headers)[b"content-type"]
        return "written as given" if injected else None


@attack(27, 41, 106)
async def slashes_redirect_to_another_site(kit: Kit) -> str | None:
    with tempfile.TemporaryDirectory() as base:
        (Path(base) / "evil.example").mkdir()
        (Path(base) / "evil.example" / "index.html").write_bytes(b"x")

        async def page(request: object) -> object:
            return kit.responses.PlainTextResponse("ok")

        routes = kit.routing
        static = kit.staticfiles.StaticFiles(directory=base, html=True)
        apps = [
            kit.app(routes=[routes.Route("/{rest:path}/", page)]),
            kit.app(routes=[routes.Mount("/", static)]),
        ]
        for app in apps:
            for path in ("//evil.example", "//evil.example/..", "/\\evil.example", "///evil.example"):
                answer = await request(app, "GET", path, headers=[("host", "good.example")])
                target = answer.headers.get("location", "")
                if target.startswith(("//", "/\\")) or "://evil" in target or "://\\" in target:
                    return f"{path!r} leads to {target!r}"
    return None
