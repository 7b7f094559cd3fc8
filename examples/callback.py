"""The callback form: each chunk is shown to a function, the whole answer is returned.

It needs no event loop, and the function ends the stream when it has seen enough.
"""

from gemstream import Chunk, Client, StreamControl


def show(chunk: Chunk) -> None:
    """Print the chunk as it comes."""
    print(chunk.text, end="", flush=True)


def until_twenty(chunk: Chunk) -> StreamControl:
    """Print the chunk, and end the stream at the number 20."""
    show(chunk)
    return StreamControl.STOP if "20" in chunk.text else StreamControl.CONTINUE


def main() -> None:
    with Client() as client:
        response = client.generate("Count to 5", on_chunk=show)
        print(f"\n{response.complete}: {response.finish_reason}")
        response = client.generate(
            "Count to 500, one number after the other", on_chunk=until_twenty
        )
        print(f"\n{response.complete}: {len(response.text)} characters were shown")


if __name__ == "__main__":
    main()
