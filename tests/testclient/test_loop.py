"""A client has one event loop, which it keeps from one request to the next and never leaves behind."""

import asyncio
import gc
import sys
import threading
import weakref

import anyio
import pytest

from asterion.testclient import TestClient, _loop
from asterion.testclient._faces import at_once


async def respond(send, body=b""):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def quiet(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
    else:
        await respond(send, threading.current_thread().name.encode())


def loop_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("asterion-testclient")]


@pytest.fixture(autouse=True)
def no_loop_is_left():
    """Clients of earlier tests must not count, nor may a test here leave any."""
    gc.collect()
    before = set(loop_threads())
    yield
    gc.collect()
    assert set(loop_threads()) <= before


def test_what_belongs_to_the_loop_can_be_awaited_in_a_later_request():
    class App:
        async def __call__(self, scope, receive, send):
            if scope["path"] == "/make":
                self.future = asyncio.get_running_loop().create_future()
                asyncio.get_running_loop().call_soon(self.future.set_result, b"made before")
                await respond(send)
            else:
                await respond(send, await self.future)

    client = TestClient(App())
    client.get("/make")
    assert client.get("/use").text == "made before"


def test_requests_sessions_and_streams_share_one_loop_inside_with_and_outside(anyio_backend):
    loops = set()

    async def app(scope, receive, send):
        loops.add(anyio.lowlevel.current_token())
        await quiet(scope, receive, send)

    client = TestClient(app, backend=anyio_backend)
    client.get("/")
    with client:
        client.get("/")
        client.post("/", content=iter([b"a"]))
        with client.websocket_connect("/"), client.stream("GET", "/"):
            pass
    assert len(loops) == 1


def test_a_loop_is_started_by_the_first_request_only(anyio_backend):
    before = set(loop_threads())
    client = TestClient(quiet, backend=anyio_backend)
    assert set(loop_threads()) == before
    client.get("/")
    client.get("/")
    assert len(set(loop_threads()) - before) == 1
    client.close()


def test_the_loop_ends_with_the_with_block(anyio_backend):
    before = set(loop_threads())
    with TestClient(quiet, backend=anyio_backend) as client:
        client.get("/")
    assert set(loop_threads()) == before


def test_the_loop_ends_with_close_and_what_is_left_on_it_is_cancelled():
    ended = []

    async def app(scope, receive, send):
        async def forever():
            try:
                await asyncio.sleep(3600)
            finally:
                ended.append(1)

        app.task = asyncio.ensure_future(forever())
        await asyncio.sleep(0)
        await respond(send)

    client = TestClient(app)
    client.get("/")
    assert ended == []
    client.close()
    assert ended == [1]


def test_the_loop_ends_when_the_client_is_collected(anyio_backend):
    before = set(loop_threads())
    client = TestClient(quiet, backend=anyio_backend)
    client.get("/")
    reference = weakref.ref(client)
    del client
    gc.collect()
    assert reference() is None
    assert set(loop_threads()) == before


def test_the_loop_ends_even_if_the_client_is_collected_on_a_loop(anyio_backend):
    """The garbage collector runs wherever it likes: on another client's loop, or on the very loop it is to end."""
    holder = {}

    async def app(scope, receive, send):
        await respond(send)
        holder.clear()
        gc.collect()

    outer = TestClient(app, backend=anyio_backend)
    for backend in ("asyncio", "trio"):
        holder["client"] = TestClient(quiet, backend=backend)
        holder["client"].get("/")
        (thread,) = [
            thread for thread in loop_threads() if thread.name.encode() == b"asterion-testclient-" + backend.encode()
        ][-1:]
        outer.get("/")
        thread.join(5)
        assert not thread.is_alive()
    outer.close()


def test_a_process_keeps_few_idle_loops(anyio_backend):
    before = len(loop_threads())
    clients = [TestClient(quiet, backend=anyio_backend) for _ in range(_loop.KEPT + 5)]
    for client in clients:
        client.get("/")
    assert len(loop_threads()) - before <= _loop.KEPT
    assert clients[0].get("/").status_code == 200  # it starts another one
    for client in clients:
        client.close()


def test_a_loop_in_use_is_never_closed_for_others(anyio_backend):
    with TestClient(quiet, backend=anyio_backend) as client:
        clients = [TestClient(quiet, backend=anyio_backend) for _ in range(_loop.KEPT + 2)]
        for other in clients:
            other.get("/")
        assert client.portal is not None
        assert client.get("/").status_code == 200
        for other in clients:
            other.close()


def test_the_portal_is_there_inside_with_only(anyio_backend):
    client = TestClient(quiet, backend=anyio_backend)
    assert client.portal is None
    with client:
        assert client.portal.call(anyio.lowlevel.checkpoint) is None
    assert client.portal is None


@pytest.mark.anyio
async def test_a_client_works_inside_an_async_test(anyio_backend):
    # trio itself refuses to be entered from a thread in which trio runs.
    for backend in ("asyncio", "trio") if anyio_backend == "asyncio" else ("asyncio",):
        with TestClient(quiet, backend=backend) as client:
            assert client.get("/").status_code == 200
        client.close()


def test_context_variables_of_the_test_are_seen_by_the_application(anyio_backend):
    import contextvars

    variable = contextvars.ContextVar("variable", default="unset")

    async def app(scope, receive, send):
        await respond(send, variable.get().encode())

    variable.set("set by the test")
    assert TestClient(app, backend=anyio_backend).get("/").text == "set by the test"


def test_a_backend_that_does_not_exist_is_named():
    with pytest.raises(LookupError, match="curio"):
        TestClient(quiet, backend="curio").get("/")


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not run on Windows")
def test_backend_options_reach_the_loop():
    uvloop = pytest.importorskip("uvloop")
    loops = []

    async def app(scope, receive, send):
        loops.append(asyncio.get_running_loop())
        await respond(send)

    TestClient(app, backend_options={"use_uvloop": True}).get("/")
    TestClient(app, backend_options={"use_uvloop": False}).get("/")
    assert [isinstance(loop, uvloop.Loop) for loop in loops] == [True, False]


def test_several_threads_may_use_one_client(anyio_backend):
    client = TestClient(quiet, backend=anyio_backend)
    names = set()

    def work():
        for _ in range(5):
            names.add(client.get("/").text)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 1
    assert all(name.startswith("asterion-testclient") for name in names)
    client.close()


def test_a_program_that_ends_without_closing_its_client_ends_quietly():
    import subprocess

    program = (
        "from asterion.testclient import TestClient\n"
        "async def app(scope, receive, send):\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body'})\n"
        "client = TestClient(app)\n"
        "print(client.get('/').status_code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr, done.returncode) == ("200\n", "", 0)


def test_ending_a_loop_twice_is_harmless():
    thread = _loop.LoopThread("asyncio", {})
    thread.stop()
    assert not thread.alive
    thread.stop()
    assert not thread.alive


def test_an_idle_loop_is_closed_and_one_in_use_is_not(anyio_backend):
    client = TestClient(quiet, backend=anyio_backend)
    before = len(loop_threads())
    with client:
        client._loop.close_if_idle()
        assert client.get("/").status_code == 200
        assert len(loop_threads()) == before + 1
    client.get("/")
    client._loop.close_if_idle()
    assert len(loop_threads()) == before


def test_a_loop_that_breaks_says_so_in_its_thread(monkeypatch):
    broken = LookupError("the loop broke")
    seen = []

    async def breaks(portal):
        raise broken

    monkeypatch.setattr(threading, "excepthook", lambda arguments: seen.append(arguments.exc_value))
    monkeypatch.setattr(_loop.BlockingPortal, "sleep_until_stopped", breaks)
    thread = _loop.LoopThread("asyncio", {})
    thread._thread.join(10)
    assert [getattr(error, "exceptions", (error,)) for error in seen] == [(broken,)]


def test_what_cannot_be_done_without_a_loop_is_said_and_not_waited_for():
    """The client's own code, in the test's thread: it may ask its loop, but has none to wait on."""

    class Asked:
        def __await__(self):
            yield

    async def asks():
        await Asked()

    with pytest.raises(RuntimeError, match="waited for a loop in a thread that has none"):
        at_once(asks())
