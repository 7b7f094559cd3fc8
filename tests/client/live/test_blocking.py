"""The blocking face of a session: the same conversation, from threads that come and go."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gemstream import BlockingLiveSession, Client, FunctionDeclaration, FunctionResponse
from gemstream.client.live.events import Audio, Text, TurnCompleted
from gemstream.client.live.pull import Pull, Readers
from gemstream.client.loop_thread import loop_thread
from gemstream.emulator import Emulator
from gemstream.errors import (
    APIError,
    ConnectFailed,
    InvalidRequest,
    InvalidState,
    SessionClosedError,
)
from gemstream.net.asgi import ASGITransport
from gemstream.policy.live import client_event as heard
from support.emulated import blocking_client
from support.live import AUDIO_OUT, DONE, call, output
from support.live_service import MODEL, LiveService, Stage
from support.service import AT_ONCE, KEY

HELLO = output({"text": "Hel"}), output({"text": "lo"})


def _client_of(service: Any) -> Client:
    return Client(KEY, base_url="http://live", transport=ASGITransport(service), retry=AT_ONCE)


class Held:
    """A service that answers each message with "Hel", and with "lo" once it may go on."""

    def __init__(self) -> None:
        self.service = LiveService(self._part)
        self.silent = threading.Event()
        self._waker: Callable[[], None] = lambda: None

    def go_on(self) -> None:
        """Let one answer be said to its end."""
        loop_thread().loop.call_soon_threadsafe(self._waker)

    async def _part(self, stage: Stage) -> None:

        while True:
            await stage.hear()
            await stage.say(HELLO[0])
            goes_on = asyncio.Event()
            self._waker = goes_on.set
            self.silent.set()
            await goes_on.wait()
            await stage.say(HELLO[1], DONE)


async def _greets(stage: Stage) -> None:
    while True:
        await stage.hear()
        await stage.say(*HELLO, DONE)


def _words(event: object) -> str:
    return event.text if isinstance(event, Text) else type(event).__name__


# --- a conversation --------------------------------------------------------------------------


def test_a_conversation_with_the_emulator() -> None:
    with (
        blocking_client(Emulator()) as client,
        client.live(MODEL, response_modalities=["TEXT"]) as session,
    ):
        assert session.send_text("Count to 3").text == "1, 2, 3"
        assert "".join(session.send_text_stream("Count to 4")) == "1, 2, 3, 4"
        handle = session.handle
        assert handle
        assert repr(session) == f"<BlockingLiveSession models/{MODEL} ready>"
    with blocking_client(Emulator()) as client:
        assert client.live(MODEL, resume=handle).handle == handle


def test_turns_end_and_the_session_goes_on() -> None:
    service = LiveService(_greets)
    with _client_of(service) as client, client.live(MODEL) as session:
        for _ in range(2):
            session.send_client_content("Hi")
            assert session.is_in_turn
            assert list(map(_words, session.turn())) == ["Hel", "lo", "TurnCompleted"]
            assert not session.is_in_turn
        session.send_client_content("Hi")
        turn = session.turn()
        assert _words(next(turn)) == "Hel"
        assert turn.finish().text == "lo"
        assert list(turn) == []
    assert service.left == [1000]


def test_audio_passes_both_ways_as_bytes() -> None:
    async def speaks(stage: Stage) -> None:
        await stage.hear()
        await stage.say(AUDIO_OUT, DONE)

    service = LiveService(speaks)
    with _client_of(service) as client, client.live(MODEL) as session:
        session.send_realtime_input(audio=b"\0\1" * 160)
        assert next(session) == Audio(b"\0\1", "audio/pcm;rate=24000")
        session.send_realtime_input(audio_stream_end=True)
        assert isinstance(next(session), TurnCompleted)
    assert service.heard[1:] == [
        heard.Audio(b"\0\1" * 160, "audio/pcm;rate=16000"),
        heard.AudioStreamEnded(),
    ]


def test_a_tool_is_called_and_answered_in_its_turn() -> None:
    async def calls(stage: Stage) -> None:
        await stage.hear()
        await stage.say(call("a"))
        await stage.hear()
        await stage.say(*HELLO, DONE)

    tools = [FunctionDeclaration(name="f")]
    with _client_of(LiveService(calls)) as client, client.live(MODEL, tools=tools) as session:
        pieces = session.send_text_stream("What is f?")
        assert (list(pieces), session.open_calls) == ([], ("a",))
        session.send_tool_response(
            [FunctionResponse(id=it.id, name="f", response={}) for it in pieces.calls]
        )
        assert session.turn().finish().text == "Hello"


async def _breaks(stage: Stage) -> None:
    await stage.hear()
    await stage.say(HELLO[0])
    await stage.close(1003, "it broke")


def test_a_session_that_breaks_stays_broken_for_every_reader() -> None:
    with _client_of(LiveService(_breaks)) as client, client.live(MODEL) as session:
        with pytest.raises(SessionClosedError, match="it broke"):
            session.send_text("Hi")
        for read in (lambda: next(session), session.turn().finish, lambda: session.send_text("Hi")):
            with pytest.raises(SessionClosedError, match="it broke"):
                read()


def test_what_cannot_be_is_refused_before_anything_is_sent() -> None:
    service = LiveService(_greets)
    with _client_of(service) as client, client.live(MODEL) as session:
        with pytest.raises(InvalidRequest):
            session.send_text("")
        with pytest.raises(InvalidRequest):
            session.send_realtime_input()
        with pytest.raises(InvalidState, match="opened once"):
            session.__enter__()
        assert session.send_text("Hi").text == "Hello"  # it is as open as before
    assert len(service.heard) == 2


def test_a_session_that_cannot_be_opened_says_why() -> None:
    async def refuses(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.close"})

    with (
        _client_of(refuses) as client,
        pytest.raises((APIError, ConnectFailed)),
        client.live(MODEL),
    ):
        pytest.fail("it opened")


# --- threads ---------------------------------------------------------------------------------

READS: dict[str, Callable[[BlockingLiveSession], Any]] = {
    "the session": lambda session: list(map(_words, session)),
    "a turn": lambda session: list(map(_words, session.turn())),
    "the rest of a turn": lambda session: session.turn().finish().text,
}
ASKS: dict[str, Callable[[BlockingLiveSession], Any]] = {
    "send_text": lambda session: session.send_text("Hi").text,
    "send_text_stream": lambda session: list(session.send_text_stream("Hi")),
}


def test_one_thread_reads_while_others_speak() -> None:
    async def echoes(stage: Stage) -> None:
        for _ in range(200):
            said: Any = await stage.hear()
            await stage.say(output({"text": said.text}))
        await stage.say(DONE)

    def speak(session: BlockingLiveSession, speaker: int) -> None:
        for number in range(50):
            session.send_realtime_input(text=f"{speaker}:{number}")

    with (
        _client_of(LiveService(echoes)) as client,
        client.live(MODEL) as session,
        ThreadPoolExecutor(5) as threads,
    ):
        reading = threads.submit(session.turn().finish)
        list(threads.map(lambda speaker: speak(session, speaker), range(4)))
        text = reading.result(20).text
    assert all(f"{speaker}:{number}" in text for speaker in range(4) for number in range(50))


def test_a_second_reader_is_refused_and_says_nothing() -> None:
    held = Held()
    with _client_of(held.service) as client, client.live(MODEL) as session:
        session.send_client_content("Hi")
        with ThreadPoolExecutor(1) as other:
            reading = other.submit(session.turn().finish)
            _until_read(session)
            for read in (lambda: next(session), *(lambda f=f: f(session) for f in ASKS.values())):
                with pytest.raises(InvalidState, match="another thread"):
                    read()
            held.go_on()
            assert reading.result(20).text == "Hello"
    assert len(held.service.heard) == 2


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_closing_in_another_thread_ends_a_reader_plainly(
    read: Callable[[BlockingLiveSession], Any],
) -> None:
    async def silent(stage: Stage) -> None:
        pass

    with _client_of(LiveService(silent)) as client, client.live(MODEL) as session:
        with ThreadPoolExecutor(1) as other:
            reading = other.submit(read, session)
            _until_read(session)
            session.close()
            assert reading.result(20) in ([], "")
        session.close()
        assert list(session) == []


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_closing_in_another_thread_ends_an_answer_with_what_came(
    ask: Callable[[BlockingLiveSession], Any],
) -> None:
    held = Held()
    with (
        _client_of(held.service) as client,
        client.live(MODEL) as session,
        ThreadPoolExecutor(1) as other,
    ):
        asking = other.submit(ask, session)
        assert held.silent.wait(20)
        _until_read(session)
        session.close()
        assert "".join(asking.result(20)) == "Hel"


def _until_read(session: BlockingLiveSession) -> None:
    while session._readers._reader is None:
        os.sched_yield()


# --- interrupts ------------------------------------------------------------------------------


def _press_ctrl_c_when_read(session: BlockingLiveSession, silent: threading.Event) -> None:
    assert silent.wait(20)
    _until_read(session)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # type: ignore[arg-type]


def _interrupted(session: BlockingLiveSession, held: Held, read: Callable[[], Any]) -> None:
    """Read until a Ctrl-C comes, which it does once the service is silent."""
    pressing = threading.Thread(target=_press_ctrl_c_when_read, args=(session, held.silent))
    pressing.start()
    with pytest.raises(KeyboardInterrupt):
        read()
    pressing.join()


@pytest.mark.parametrize("way", ["session", "turn", "finish"])
def test_ctrl_c_while_reading_loses_nothing_that_comes_after(way: str) -> None:
    held = Held()
    with _client_of(held.service) as client, client.live(MODEL) as session:
        session.send_client_content("Hi")
        assert held.silent.wait(20)
        assert _words(next(session)) == "Hel"
        turn = session.turn()
        reads = {
            "session": lambda: next(session),
            "turn": lambda: next(turn),
            "finish": turn.finish,
        }
        _interrupted(session, held, reads[way])
        held.go_on()
        rest = turn if way == "turn" else session.turn()
        assert list(map(_words, rest)) == ["lo", "TurnCompleted"]
        assert _ask_again(session, held) == "Hello"


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_ctrl_c_while_an_answer_comes_leaves_the_rest_of_it(
    ask: Callable[[BlockingLiveSession], Any],
) -> None:
    held = Held()
    with _client_of(held.service) as client, client.live(MODEL) as session:
        _interrupted(session, held, lambda: ask(session))
        with pytest.raises(InvalidState, match="earlier turn"):
            session.send_text("More")
        held.go_on()
        assert session.turn().finish().text.endswith("lo")
        assert _ask_again(session, held) == "Hello"


def test_a_stream_of_text_goes_on_after_ctrl_c() -> None:
    held = Held()
    with _client_of(held.service) as client, client.live(MODEL) as session:
        pieces = session.send_text_stream("Hi")
        assert next(pieces) == "Hel"
        _interrupted(session, held, lambda: next(pieces))
        held.go_on()
        assert list(pieces) == ["lo"]


def _ask_again(session: BlockingLiveSession, held: Held) -> str:
    held.silent.clear()
    with ThreadPoolExecutor(1) as other:
        asking = other.submit(session.send_text, "Again")
        assert held.silent.wait(20)
        held.go_on()
        return asking.result(20).text


def test_ctrl_c_while_it_opens_leaves_nothing_open() -> None:
    silent = threading.Event()

    async def never(stage: Stage) -> None:
        await stage.hear()
        silent.set()

    service = LiveService(never, sets_up=False)
    with _client_of(service) as client:
        pressing = threading.Thread(target=_press_ctrl_c_after, args=(silent,))
        pressing.start()
        with pytest.raises(KeyboardInterrupt), client.live(MODEL):
            pytest.fail("it opened")
        pressing.join()
        with _client_of(LiveService(_greets)) as other, other.live(MODEL) as session:
            assert session.send_text("Hi").text == "Hello"
        assert len(service.left) == 1


def _press_ctrl_c_after(moment: threading.Event) -> None:
    moment.wait(20)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # type: ignore[arg-type]


class Pressing:
    """Numbers, each of which comes in the moment of a Ctrl-C."""

    def __init__(self) -> None:
        self._number = 0

    def __aiter__(self) -> Pressing:
        return self

    async def __anext__(self) -> int:
        self._number += 1
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # type: ignore[arg-type]
        return self._number


def test_what_comes_in_the_moment_of_a_ctrl_c_is_first_in_line() -> None:
    numbers = Pull(Pressing(), Readers(loop_thread()))
    taken, interrupted = [], 0
    while len(taken) < 50:
        try:
            taken.append(numbers.next())
        except KeyboardInterrupt:
            interrupted += 1
    assert taken == list(range(1, 51))
    assert interrupted


def _read_and_leave(session: BlockingLiveSession, times: int = 1) -> None:
    """Read as a thread does that a Ctrl-C takes away when its event is here."""
    for _ in range(times - 1):
        next(session)
    session._readers.run(session._events._ready)


REST = {
    "the session": lambda session: _words(next(session)),
    "a turn": lambda session: _words(next(session.turn())),
    "the rest of a turn": lambda session: session.turn().finish().text[:3],
}


@pytest.mark.parametrize("read", REST.values(), ids=REST)
def test_an_event_that_was_left_is_given_to_the_next_reader(
    read: Callable[[BlockingLiveSession], str],
) -> None:
    with _client_of(LiveService(_greets)) as client, client.live(MODEL) as session:
        session.send_client_content("Hi")
        _read_and_leave(session)
        assert read(session) == "Hel"


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_the_end_of_a_turn_that_was_left_does_not_pass_for_an_answer(
    ask: Callable[[BlockingLiveSession], Any],
) -> None:
    with _client_of(LiveService(_greets)) as client, client.live(MODEL) as session:
        session.send_client_content("Hi")
        _read_and_leave(session, 3)
        assert not session.is_in_turn
        with pytest.raises(InvalidState, match="earlier turn"):
            ask(session)
        assert isinstance(next(session), TurnCompleted)
        assert "".join(ask(session)) == "Hello"


def test_an_end_that_was_left_is_told_to_the_next_reader() -> None:
    with _client_of(LiveService(_breaks)) as client, client.live(MODEL) as session:
        session.send_client_content("Hi")
        _read_and_leave(session, 2)
        with pytest.raises(SessionClosedError, match="it broke"):
            session.send_text("Hi")
        with pytest.raises(SessionClosedError, match="it broke"):
            next(session)
