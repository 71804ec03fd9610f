"""The Faust application: what it makes ends with it."""

from connector.edges import faust_app


async def test_stopping_closes_the_loop_of_the_thread_that_faust_makes_and_nobody_starts():
    app = faust_app.make_app(broker="127.0.0.1:1")
    await faust_app.start(app, [])
    thread_loop = app.consumer._thread.thread_loop
    assert not thread_loop.is_closed()

    await faust_app.stop(app)

    assert thread_loop.is_closed()
