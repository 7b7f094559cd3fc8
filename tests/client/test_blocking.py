"""The blocking face where threads make it its own: real time, leaving early, fork and exit."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gemstream import Client, StreamControl
from gemstream.client.loop_thread import loop_thread
from gemstream.emulator import Cut, Emulator, JournalEnd, Stall, WaitForAck, serving
from gemstream.errors import InvalidState, StreamInterrupted
from gemstream.net.asgi import ASGITransport
from gemstream.policy.answer import Completeness
from support.emulated import blocking_client, scripted
from support.service import KEY, Service, chunk, finish, held, streamed


def _client_of(service: Service) -> Client:
    return Client(KEY, base_url="http://service", transport=ASGITransport(service))  # type: ignore[arg-type]


def _ends(emulator: Emulator) -> list[JournalEnd]:
    loop_thread().run(emulator.idle())
    return [entry.end for entry in emulator.journal]


def test_each_chunk_is_shown_before_the_next_is_made() -> None:
    emulator = scripted(["1", WaitForAck(), "2", WaitForAck(), "3"])
    texts = []
    with blocking_client(emulator) as client, client.generate_stream("Count") as stream:
        for one in stream:
            texts.append(one.text)
            emulator.ack()
    assert [text for text in texts if text] == ["1", "2", "3"]


def test_a_long_stream_arrives_whole_and_in_order() -> None:
    pieces = [f"{number} " for number in range(2000)]
    service = Service(streamed(*map(chunk, pieces), finish()))
    with _client_of(service) as client, client.generate_stream("Hi") as stream:
        assert [one.text for one in stream] == [*pieces, ""]
        assert stream.response.text == "".join(pieces)


def test_a_reader_that_does_not_ask_holds_the_service_back() -> None:
    """While another call is served, a stream nobody reads stops growing."""
    sent: list[int] = []

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while len(sent) < 10_000:
            body = b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}]}\n\n'
            await send({"type": "http.response.body", "body": body, "more_body": True})
            sent.append(1)

    with _client_of(Service(endless)) as client, client.generate_stream("Hi") as stream:
        next(stream)
        with blocking_client(Emulator()) as other:
            for _ in range(50):
                other.generate("Hi")
        assert len(sent) < 200


def test_text_stream_passes_over_chunks_without_text() -> None:
    service = Service(streamed(chunk("a"), {"candidates": [{}]}, chunk("b"), finish()))
    with _client_of(service) as client:
        texts = client.generate_stream("Hi").text_stream
        assert list(texts) == ["a", "b"]
        texts.close()


def test_a_stream_says_where_it_stands() -> None:
    with blocking_client(Emulator()) as client:
        stream = client.generate_stream("Hi")
        assert repr(stream) == "<BlockingStream unsent, 0 chunks delivered>"
        with pytest.raises(InvalidState, match="iterate over it first"):
            _ = stream.response


def test_an_ended_stream_stays_ended_and_a_failed_one_failed() -> None:
    with blocking_client(scripted(["a"], ["a", Cut()])) as client:
        ended, failed = client.generate_stream("Hi"), client.generate_stream("Hi")
        assert (ended.finish().text, list(ended)) == ("a", [])
        for _ in range(2):
            with pytest.raises(StreamInterrupted):
                failed.finish()


# --- leaving early ---------------------------------------------------------------------------


def test_leaving_the_block_ends_the_answer_upstream() -> None:
    emulator = scripted(["a", Stall()])
    with blocking_client(emulator) as client:
        with client.generate_stream("Hi") as stream:
            for _ in stream:
                break
        assert _ends(emulator) == [JournalEnd.ABORTED]
        assert stream.response.complete is Completeness.STOPPED
        assert list(stream) == []


def test_dropping_a_stream_ends_the_answer_upstream() -> None:
    emulator = scripted(["a", Stall()])
    with blocking_client(emulator) as client:
        for _ in client.generate_stream("Hi"):
            break
        gc.collect()
        assert _ends(emulator) == [JournalEnd.ABORTED]


def test_closing_a_stream_that_sent_nothing_is_harmless() -> None:
    emulator = Emulator()
    with blocking_client(emulator) as client:
        stream = client.generate_stream("Hi")
        stream.close()
        stream.close()
        assert list(stream) == []
    assert emulator.journal == []


LEAVE = pytest.mark.parametrize("leave", ["cancel", "close"])


@LEAVE
@pytest.mark.parametrize("said", [[], ["a"]], ids=["while it opens", "while it waits"])
def test_another_thread_can_end_a_stream(leave: str, said: list[str]) -> None:
    silent, gone = threading.Event(), threading.Event()
    answer = held(*map(chunk, said), silent=silent, gone=gone)  # type: ignore[arg-type]
    with _client_of(Service(answer)) as client, ThreadPoolExecutor(1) as other:
        stream = client.generate_stream("Hi")
        reading = other.submit(lambda: [one.text for one in stream])
        assert silent.wait(20)
        getattr(stream, leave)()
        assert reading.result(20) in ([], said)
        assert gone.wait(20)


def test_stop_ends_the_stream() -> None:
    texts: list[str] = []

    def look(one: Any) -> StreamControl:
        texts.append(one.text)
        return StreamControl.STOP

    with blocking_client(scripted(["a", Stall()])) as client:
        response = client.generate("Hi", on_chunk=look)
    assert (texts, response.complete) == (["a"], Completeness.STOPPED)


def test_a_coroutine_function_is_no_callback_here() -> None:
    async def look(one: Any) -> None: ...

    with blocking_client(Emulator()) as client, pytest.raises(InvalidState, match="plain function"):
        client.generate("Hi", on_chunk=look)


# --- interrupts ------------------------------------------------------------------------------


def _generate(client: Client) -> object:
    return client.generate("Hi")


def _stream(client: Client) -> object:
    with client.generate_stream("Hi") as stream:
        return list(stream)


@pytest.mark.parametrize("call", [_generate, _stream])
def test_ctrl_c_ends_the_call_and_leaves_nothing(call: Callable[[Client], object]) -> None:
    silent, gone = threading.Event(), threading.Event()
    service = Service(held(silent=silent, gone=gone), streamed(finish("a")))  # type: ignore[arg-type]
    pressing = threading.Thread(target=_press_ctrl_c_after, args=(silent,))
    with _client_of(service) as client:
        pressing.start()
        with pytest.raises(KeyboardInterrupt):
            call(client)
        pressing.join()
        assert gone.wait(20)
        assert client.generate("Hi").text == "a"  # as good as new


def _press_ctrl_c_after(moment: threading.Event) -> None:
    moment.wait(20)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # type: ignore[arg-type]


# --- threads and loops -----------------------------------------------------------------------


def test_many_threads_share_one_client() -> None:
    with blocking_client(Emulator()) as client, ThreadPoolExecutor(32) as threads:

        def ask(number: int) -> str:
            return "".join(one.text for one in client.generate_stream(f"Say: thread-{number}."))

        answers = list(threads.map(ask, range(100)))
        assert answers == [client.generate(f"Say: thread-{n}.").text for n in range(100)]


def test_all_clients_of_a_process_share_one_loop_thread() -> None:
    def loops() -> int:
        return sum(thread.name == "gemstream loop" for thread in threading.enumerate())

    with ThreadPoolExecutor(20) as threads:
        clients = list(threads.map(lambda _: blocking_client(Emulator()), range(20)))
    assert loops() == 1
    for client in clients:
        client.close()


async def test_it_works_in_the_thread_of_a_running_loop() -> None:
    with blocking_client(Emulator()) as client:
        assert client.generate("Count to 3").text
        assert [one.text for one in client.generate_stream("Count to 3")]


# --- processes -------------------------------------------------------------------------------

_PRELUDE = """
import os, sys
from gemstream import Client
from gemstream.emulator import Emulator
from gemstream.errors import InvalidState, StreamInterrupted
from gemstream.net.asgi import ASGITransport
def client():
    return Client("key", base_url="http://x", transport=ASGITransport(Emulator()))
"""
_FORKS = """
mine = client()
print(len(mine.generate("Count to 3").text), flush=True)  # or the child says it once more
child = os.fork()
if child == 0:
    print(len(client().generate("Count to 3").text), flush=True)
    try:
        mine.generate("Hi")
    except InvalidState as error:
        print("refused" if "before a fork" in str(error) else error, flush=True)
    mine.close()
    sys.exit()
_, status = os.waitpid(child, 0)
print(len(mine.generate("Count to 3").text), status)
"""
_LIVE_FORKS = """
session = client().live("gemini-3.8-live", response_modalities=["TEXT"]).__enter__()
print(session.send_text("Count to 3").text, flush=True)
child = os.fork()
if child == 0:
    for use in (session.__next__, session.turn().finish, session.send_client_content):
        try:
            use()
        except InvalidState as error:
            print("refused" if "before a fork" in str(error) else error, flush=True)
    session.close()
    sys.exit()
_, status = os.waitpid(child, 0)
print(session.send_text("Count to 3").text, status)
"""
_EXITS = """
print(len(mine.generate("Count to 3").text))
stream = mine.generate_stream("Count to 3")
print(type(next(stream)).__name__)
"""


async def _run(program: str, *arguments: str) -> tuple[list[str], str]:
    """Return the words a program of its own said, and its stderr."""
    process = await asyncio.create_subprocess_exec(
        # Python 3.12 and newer warn of any fork beside a thread, and fork is what is tried here.
        *(sys.executable, "-W", "default", "-W", "ignore:This process:DeprecationWarning"),
        *("-c", _PRELUDE + program, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        async with asyncio.timeout(30):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return out.decode().split(), err.decode()


async def test_the_child_of_a_fork_can_make_a_client_of_its_own() -> None:
    said, complained = await _run(_FORKS)
    parent, child, refused, parent_again, status = said
    assert (parent == child == parent_again, refused, status) == (True, "refused", "0")
    assert complained == ""


async def test_a_live_session_belongs_to_the_parent_of_a_fork() -> None:
    said, complained = await _run(_LIVE_FORKS)  # which then exits without closing it
    assert said == ["1,", "2,", "3", *["refused"] * 3, "1,", "2,", "3", "0"]
    assert complained == ""


async def test_exit_without_close_is_quiet() -> None:
    async with serving(Emulator(rate=20.0)) as url:
        over_a_socket = 'mine = Client("key", base_url=sys.argv[1])' + _EXITS
        said, complained = await _run(over_a_socket, url)
    assert (said[1], complained) == ("Chunk", "")


async def test_exit_without_close_is_quiet_in_process_too() -> None:
    said, complained = await _run("mine = client()" + _EXITS)
    assert (said[1], complained) == ("Chunk", "")


def test_a_second_thread_cannot_read_along() -> None:
    emulator = scripted(["a", WaitForAck(), "b"])
    with blocking_client(emulator) as client, client.generate_stream("Hi") as stream:
        next(stream)
        reader = threading.Thread(target=next, args=(stream,))
        reader.start()
        while not stream._pump._reading.locked():
            os.sched_yield()
        with pytest.raises(InvalidState, match="another thread"):
            next(stream)
        emulator.ack()
        reader.join()


def test_the_response_may_be_asked_for_by_another_thread_at_any_time() -> None:
    pieces = [f"{number} " for number in range(1000)]
    whole, usual = "".join(pieces), sys.getswitchinterval()
    service = Service(streamed(*map(chunk, pieces), finish()))
    is_over = threading.Event()

    def watch(stream: Any) -> list[str]:
        seen = []
        while not is_over.is_set():
            seen.append(stream.response.text)
        return seen

    sys.setswitchinterval(1e-6)  # else a thread that is not waiting is seldom interrupted
    try:
        with _client_of(service) as client, client.generate_stream("Hi") as stream:
            next(stream)
            with ThreadPoolExecutor(2) as threads:
                watching = [threads.submit(watch, stream) for _ in range(2)]
                for _ in stream:
                    pass
                is_over.set()
            assert stream.response.text == whole
    finally:
        is_over.set()
        sys.setswitchinterval(usual)
    assert all(whole.startswith(text) for one in watching for text in one.result())
