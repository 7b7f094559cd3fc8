"""Print an answer as it is generated, then what it cost.

Run it with GEMINI_API_KEY set; with GOOGLE_GEMINI_BASE_URL it asks the emulator instead.
"""

import asyncio

from gemstream import AsyncClient


async def main() -> None:
    async with (
        AsyncClient() as client,
        client.generate_stream("Count to 10, one number after the other") as stream,
    ):
        async for chunk in stream:
            print(chunk.text, end="", flush=True)
    print()
    response = stream.response
    tokens = response.usage.total_token_count if response.usage else "an unknown number of"
    print(f"{tokens} tokens, finish {response.finish_reason}, {response.complete}")


if __name__ == "__main__":
    asyncio.run(main())
