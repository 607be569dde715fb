def test_async_startup_hangs():
    class Foo:
        async def __call__(self):
            raise Exception()

    app = Starlette(on_startup=[Foo()])
    with TestClient(app) as client:
        pass
