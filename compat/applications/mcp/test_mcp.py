"""The MCP SDK's streamable HTTP under a real server: sessions, resumption, streams of events and plain JSON."""

import json
from collections.abc import Iterator
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client.session import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from served import serving
from toolbox import Memory, behind_middleware, toolbox

pytestmark = pytest.mark.anyio

ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
VERSION = "2025-06-18"
GREETING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def made(kind: str) -> Any:
    server = toolbox()
    if kind == "plain":
        return server.streamable_http_app(), "/mcp"
    if kind == "json":
        return server.streamable_http_app(json_response=True), "/mcp"
    if kind == "stateless":
        return server.streamable_http_app(stateless_http=True), "/mcp"
    if kind == "resumable":
        return server.streamable_http_app(event_store=Memory(), retry_interval=0), "/mcp"
    return behind_middleware(server, event_store=Memory(), retry_interval=0), "/box/mcp"


KINDS = ["plain", "json", "stateless", "resumable", "mounted"]


@pytest.fixture(scope="module", params=KINDS)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    app, path = made(request.param)
    with serving(app) as base:
        yield base + path


@pytest.fixture(scope="module")
def resumable() -> Iterator[str]:
    app, path = made("resumable")
    with serving(app) as base:
        yield base + path


@pytest.fixture(scope="module")
def mounted() -> Iterator[str]:
    app, path = made("mounted")
    with serving(app) as base:
        yield base + path


async def test_a_client_lists_and_calls_tools(url: str) -> None:
    async with streamable_http_client(url) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        tools = (await session.list_tools()).tools
        assert [tool.name for tool in tools] == ["add", "climb", "interrupted", "broken"]
        for number in range(10):
            result = await session.call_tool("add", {"a": number, "b": 1})
            assert result.structured_content == {"result": number + 1}


async def test_a_tool_that_fails_is_a_result_and_the_session_goes_on(url: str) -> None:
    async with streamable_http_client(url) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        result = await session.call_tool("broken", {})
        assert result.is_error
        assert not (await session.call_tool("add", {"a": 1, "b": 1})).is_error


async def test_resources_and_prompts_are_served(url: str) -> None:
    async with streamable_http_client(url) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        found = await session.read_resource("box://hammer")
        assert "in hammer" in str(found.contents[0])
        prompt = await session.get_prompt("greet", {"name": "Ada"})
        assert "Greet Ada." in str(prompt.messages[0].content)


async def test_many_clients_are_served_at_once(url: str) -> None:
    answers: list[int] = []

    async def one(number: int) -> None:
        async with streamable_http_client(url) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            result = await session.call_tool("add", {"a": number, "b": number})
            answers.append(result.structured_content["result"])

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(one, number)
    assert sorted(answers) == [0, 2, 4, 6, 8, 10, 12, 14]


async def climbed(url: str) -> list[float]:
    told: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    async with streamable_http_client(url) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        result = await session.call_tool("climb", {"steps": 20}, progress_callback=hear)
        assert result.structured_content == {"result": "climbed 20"}
    return told


async def test_progress_is_streamed_in_order(resumable: str, mounted: str) -> None:
    assert await climbed(resumable) == [float(step) for step in range(1, 21)]
    assert await climbed(mounted) == [float(step) for step in range(1, 21)]


async def test_a_call_whose_stream_is_closed_is_taken_up_again(resumable: str, mounted: str) -> None:
    for where in (resumable, mounted):
        told: list[float] = []

        async def hear(progress: float, total: float | None, message: str | None, told: list[float] = told) -> None:
            told.append(progress)

        async with streamable_http_client(where) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            with anyio.fail_after(20):
                result = await session.call_tool("interrupted", {}, progress_callback=hear)
            assert result.structured_content == {"result": "finished all the same"}
        assert told == [1.0, 2.0]


async def greeted(client: httpx2.AsyncClient, url: str) -> dict[str, str]:
    answer = await client.post(url, json=GREETING, headers=ACCEPT)
    assert answer.status_code == 200, answer.text
    headers = {**ACCEPT, "mcp-session-id": answer.headers["mcp-session-id"], "mcp-protocol-version": VERSION}
    done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert (await client.post(url, json=done, headers=headers)).status_code == 202
    return headers


def call(name: str, identifier: int = 2, **arguments: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments, "_meta": {"progressToken": identifier}}
    return {"jsonrpc": "2.0", "id": identifier, "method": "tools/call", "params": params}


def events(text: str) -> list[tuple[str, Any]]:
    """The identifier and the message of each event that has one."""
    found = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != ":")
        if fields.get("data"):
            found.append((fields.get("id", ""), json.loads(fields["data"])))
    return found


async def test_a_session_has_an_identifier_and_ends_when_it_is_deleted(resumable: str, mounted: str) -> None:
    async with httpx2.AsyncClient() as client:
        for where in (resumable, mounted):
            headers = await greeted(client, where)
            assert (await client.post(where, json=call("add", a=1, b=2), headers=headers)).status_code == 200
            assert (await client.delete(where, headers=headers)).status_code == 200
            assert (await client.post(where, json=call("add", a=1, b=2), headers=headers)).status_code == 404


async def test_events_missed_after_a_lost_connection_are_sent_again(resumable: str, mounted: str) -> None:
    async with httpx2.AsyncClient() as client:
        for where in (resumable, mounted):
            headers = await greeted(client, where)
            seen: list[tuple[str, Any]] = []
            async with client.stream("POST", where, json=call("climb", steps=10), headers=headers) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                text = ""
                async for chunk in answer.aiter_text():
                    text += chunk
                    seen = events(text)
                    if len(seen) >= 3:
                        break
            last = seen[2][0]
            again = {**headers, "last-event-id": last}
            missed: list[tuple[str, Any]] = []
            with anyio.fail_after(20):
                while not missed or "result" not in missed[-1][1]:
                    async with client.stream("GET", where, headers=again) as answer:
                        text = ""
                        async for chunk in answer.aiter_text():
                            text += chunk
                            missed = events(text)
                            if missed and "result" in missed[-1][1]:
                                break
            steps = [message["params"]["progress"] for _, message in seen[:3] + missed if "params" in message]
            assert steps == [float(step) for step in range(1, 11)]


async def test_what_is_no_request_of_the_protocol_is_refused(resumable: str) -> None:
    async with httpx2.AsyncClient() as client:
        headers = await greeted(client, resumable)
        refused = [
            await client.post(resumable, content=b"{", headers=headers),
            await client.post(resumable, json=GREETING, headers={**headers, "accept": "text/plain"}),
            await client.post(resumable, json=call("add"), headers={**headers, "mcp-session-id": "stolen"}),
            await client.put(resumable, json=GREETING, headers=headers),
            await client.post(resumable, json=GREETING, headers={**ACCEPT, "host": "elsewhere.example"}),
            await client.post(resumable, json=GREETING, headers={**ACCEPT, "origin": "http://elsewhere.example"}),
        ]
    assert [answer.status_code for answer in refused] == [400, 406, 404, 405, 421, 403]


async def test_plain_json_is_one_answer() -> None:
    app, path = made("json")
    with serving(app) as base:
        async with httpx2.AsyncClient() as client:
            headers = await greeted(client, base + path)
            answer = await client.post(base + path, json=call("add", a=2, b=2), headers=headers)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["result"]["structuredContent"] == {"result": 4}


async def test_the_application_around_is_served_beside_and_its_middleware_sees_everything(mounted: str) -> None:
    async with httpx2.AsyncClient() as client:
        base = mounted.removesuffix("/box/mcp")
        answer = await client.get(f"{base}/health")
        assert answer.json() == {"ok": True}
        headers = await greeted(client, mounted)
        stamped = await client.post(mounted, json=call("add", a=1, b=1), headers=headers)
    assert (answer.headers["x-stamped"], stamped.headers["x-stamped"]) == ("/health", "/box/mcp")


async def test_the_older_transport_of_two_endpoints_works() -> None:
    with serving(toolbox().sse_app()) as base:
        async with sse_client(f"{base}/sse") as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            result = await session.call_tool("add", {"a": 20, "b": 22})
            assert result.structured_content == {"result": 42}


async def test_a_server_with_open_streams_stops() -> None:
    app, path = made("resumable")
    async with httpx2.AsyncClient() as client:
        with serving(app) as base:
            headers = await greeted(client, base + path)
            request = client.build_request("GET", base + path, headers=headers)
            answer = await client.send(request, stream=True)
            assert answer.status_code == 200
        await answer.aclose()
