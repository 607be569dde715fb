"""Row 8, issues 1213, 1227, 1315: what belongs to an event loop serves test, fixtures and application alike."""

import contextlib

import anyio
import pytest

from asterion.responses import PlainTextResponse
from asterion.routing import Route
from asterion.testclient import AsyncTestClient
from tests.asgi import wait_all_blocked
from tests.failures.serving import application, each_face

pytestmark = pytest.mark.anyio


class Database:
    """A connection that works on the loop it was made on only, and serves one request at a time."""

    def __init__(self):
        self.lock = anyio.Lock()
        self.ready = anyio.Event()
        self.rows = []

    async def add(self, row):
        await self.ready.wait()
        async with self.lock:
            await anyio.lowlevel.checkpoint()
            self.rows.append(row)


@pytest.fixture
async def database(anyio_backend):
    return Database()


@pytest.fixture
async def client(database, face, layers):
    """A client that is entered in a fixture; its application's lifespan opens a task group for the requests."""

    @contextlib.asynccontextmanager
    async def lifespan(app):
        async with anyio.create_task_group() as group:
            yield {"group": group}

    async def add(request):
        request.state.group.start_soon(database.add, "from a task")
        await database.add(request.url.path)
        return PlainTextResponse("added")

    async with AsyncTestClient(application(face, layers, Route("/{name}", add), lifespan=lifespan)) as client:
        yield client


@pytest.mark.failure(
    row=8,
    says="`AsyncTestClient` runs lifespan and requests on the test's own loop, asyncio or trio, where fixtures are "
    "shared with the application.",
)
@each_face
async def test_1315_a_fixture_serves_test_and_application_alike(client, database):
    async with anyio.create_task_group() as group:
        group.start_soon(client.get, "/one")
        group.start_soon(client.get, "/two")
        await wait_all_blocked()
        assert database.rows == []
        database.ready.set()
    await database.add("from the test")
    await wait_all_blocked()
    assert sorted(database.rows) == ["/one", "/two", "from a task", "from a task", "from the test"]


@each_face
async def test_1315_what_one_request_has_made_can_be_awaited_by_the_next_without_a_lifespan(face, layers):
    made = []

    async def make(request):
        made.append(anyio.Event())
        return PlainTextResponse("made")

    async def wait(request):
        await made[0].wait()
        answered.append(request.url.path)
        return PlainTextResponse("waited")

    answered = []
    client = AsyncTestClient(application(face, layers, Route("/make", make), Route("/wait", wait)))
    await client.get("/make")
    async with anyio.create_task_group() as group:
        group.start_soon(client.get, "/wait")
        await wait_all_blocked()
        assert answered == []
        made[0].set()
    assert answered == ["/wait"]
