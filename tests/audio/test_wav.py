"""WAV files: the same sound comes back, and what is none says what to do."""

from __future__ import annotations

import io
import os
import struct
import threading
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.audio import Sound, WavWriter, decode_wav, read_wav, write_wav
from gemstream.errors import GemstreamError, InvalidRequest, InvalidState

SOUND = st.binary(max_size=400).map(lambda data: data[: len(data) // 2 * 2])


def wav(pcm: bytes, rate: int = 16_000, channels: int = 1, width: int = 2) -> bytes:
    """A file as the standard library writes it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, width, rate, 0, "NONE", ""))
        writer.writeframes(pcm)
    return file.getvalue()


def piece(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def riff(*pieces: bytes) -> bytes:
    body = b"WAVE" + b"".join(pieces)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def form(kind: int = 1, channels: int = 1, rate: int = 16_000, bits: int = 16) -> bytes:
    frame = channels * bits // 8
    return piece(b"fmt ", struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits))


def extensible(kind: int) -> bytes:
    head = struct.pack("<HHIIHH", 0xFFFE, 1, 48_000, 96_000, 2, 16)
    return piece(b"fmt ", head + struct.pack("<HHIH14s", 22, 16, 4, kind, b"\0" * 14))


@given(SOUND, st.integers(1, 192_000))
def test_what_is_written_is_read_here_and_by_others(pcm: bytes, rate: int) -> None:
    file = io.BytesIO()
    write_wav(file, pcm, rate)
    assert decode_wav(file.getvalue()) == Sound(pcm, rate)
    with wave.open(io.BytesIO(file.getvalue())) as reader:
        assert reader.getparams()[:4] == (1, 2, rate, len(pcm) // 2)
        assert reader.readframes(1000) == pcm


@given(SOUND, st.integers(1, 192_000))
def test_what_others_write_is_read(pcm: bytes, rate: int) -> None:
    assert read_wav(io.BytesIO(wav(pcm, rate))) == Sound(pcm, rate)


@given(st.lists(st.binary(max_size=9), max_size=30))
def test_a_file_that_grows_by_odd_pieces_holds_whole_samples(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    file = io.BytesIO()
    with WavWriter(file, 24_000) as writer:
        for each in pieces:
            writer.write(each)
        assert writer.seconds == len(whole) // 2 / 24_000
    assert decode_wav(file.getvalue()).pcm == whole[: len(whole) // 2 * 2]
    assert not file.closed  # it was not ours to close


def test_two_channels_become_one() -> None:
    stereo = struct.pack("<8h", 100, 300, -5, -6, 32_767, 32_767, -32_768, -32_768)
    assert decode_wav(wav(stereo, channels=2)).pcm == struct.pack("<4h", 200, -6, 32_767, -32_768)


def test_a_sound_tells_its_type_and_length() -> None:
    sound = Sound(bytes(64_000), 16_000)
    assert (sound.mime_type, sound.seconds) == ("audio/pcm;rate=16000", 2.0)


READABLE = {
    "pieces that nobody knows stand around": (
        riff(piece(b"LIST", b"odd"), form(), piece(b"junk", b""), piece(b"data", b"abcd")),
        b"abcd",
    ),
    "more follows the sound": (riff(form(), piece(b"data", b"ab"), piece(b"id3 ", b"x")), b"ab"),
    "an extensible format": (riff(extensible(1), piece(b"data", b"abcd")), b"abcd"),
    "no sound at all": (riff(form(), piece(b"data", b"")), b""),
    "a length that nobody knew": (
        riff(form()) + b"data" + b"\xff\xff\xff\xff" + b"abcdefg",
        b"abcdef",
    ),
    "the whole length is a lie": (wav(b"abcd")[:4] + bytes(4) + wav(b"abcd")[8:], b"abcd"),
}


@pytest.mark.parametrize("name", READABLE)
def test_a_file_is_read_though(name: str) -> None:
    data, pcm = READABLE[name]
    assert decode_wav(data).pcm == pcm


REFUSED = [
    (b"", "no WAV file; convert it, as by: ffmpeg"),
    (b"ID3\x04 an mp3 file", "no WAV file"),
    (b"RIFF\0\0\0\0AVI LIST", "no WAV file"),
    (wav(b"abcd")[:12], "has neither format nor sound"),
    (wav(b"abcd")[:30], "within its format"),
    (wav(b"abcd")[:36], "has no sound"),
    (wav(b"abcd")[:-1], "3 of 4 bytes of sound are there"),
    (riff(piece(b"data", b"ab"), form()), "does not tell its format"),
    (wav(b"abcd", width=1), "8 bits a sample, not 16; convert it"),
    (wav(b"abcdef", width=3), "24 bits a sample, not 16; convert it"),
    (wav(b"abcd", width=4), "32 bits a sample, not 16; convert it"),
    (riff(form(kind=3, bits=32), piece(b"data", b"abcd")), "floating-point, not PCM"),
    (riff(form(kind=7, bits=8), piece(b"data", b"abcd")), "µ-law, not PCM"),
    (riff(form(kind=0x55), piece(b"data", b"abcd")), "format 0x0055, not PCM"),
    (riff(extensible(3), piece(b"data", b"abcd")), "floating-point, not PCM"),
    (riff(form(channels=6), piece(b"data", bytes(12))), "6 channels, not one or two"),
    (riff(form(channels=0), piece(b"data", b"abcd")), "0 channels, not one or two"),
    (riff(form(rate=0), piece(b"data", b"abcd")), "0 samples a second"),
    (riff(form(), piece(b"data", b"abc")), "half a sample"),
    (riff(form(channels=2), piece(b"data", b"abcdef")), "one of its two channels"),
]


@pytest.mark.parametrize(("data", "said"), REFUSED)
def test_what_cannot_be_sent_as_it_is_says_what_to_do(
    data: bytes, said: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        decode_wav(data)
    file = tmp_path / "a.wav"
    file.write_bytes(data)
    with pytest.raises(InvalidRequest, match=r"a\.wav: ") as told:
        read_wav(file)
    assert said in str(told.value)


@given(st.integers(0, 60), st.binary(max_size=8), st.binary(max_size=20))
def test_garbage_is_a_sound_or_an_error_of_ours(at: int, spoilt: bytes, behind: bytes) -> None:
    data = wav(bytes(16), channels=2)
    data = data[:at] + spoilt + data[at + len(spoilt) :] + behind
    try:
        assert len(decode_wav(data).pcm) % 2 == 0
    except GemstreamError as error:
        assert isinstance(error, InvalidRequest)


@given(st.integers(0, 59))
def test_a_file_cut_anywhere_is_an_error_of_ours(at: int) -> None:
    with pytest.raises(InvalidRequest):
        decode_wav(wav(bytes(16))[:at])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"cannot read the sound in .*none\.wav: No such file"):
        read_wav(str(tmp_path / "none.wav"))
    with pytest.raises(InvalidRequest, match="cannot read the sound in"):
        read_wav(tmp_path)
    with pytest.raises(InvalidRequest, match=r"cannot write the sound into .*: No such file"):
        WavWriter(tmp_path / "none" / "a.wav")


def test_what_a_program_wrote_that_died_can_be_played(tmp_path: Path) -> None:
    with open(tmp_path / "a.wav", "w+b", buffering=0) as file:
        writer = WavWriter(file, 24_000)
        writer.write(b"abcd")
        file.seek(0)
        assert read_wav(file) == Sound(b"abcd", 24_000)
        writer.close()
        writer.close()
    assert read_wav(tmp_path / "a.wav") == Sound(b"abcd", 24_000)
    with pytest.raises(InvalidState, match="closed"):
        writer.write(b"ab")


def test_into_a_pipe_the_length_stays_unknown() -> None:
    reading, writing = os.pipe()
    received: list[Sound] = []

    def read() -> None:
        with open(reading, "rb") as file:
            received.append(read_wav(file))

    reader = threading.Thread(target=read)
    reader.start()
    with open(writing, "wb") as file, WavWriter(file, 8_000) as writer:
        writer.write(b"abcd")
    reader.join()
    assert received == [Sound(b"abcd", 8_000)]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_an_error_of_ours() -> None:
    with pytest.raises(InvalidRequest, match="No space left"), WavWriter("/dev/full") as writer:
        writer.write(bytes(100_000))
