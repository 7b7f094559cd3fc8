"""A small program that is not gemstream's: it asks Gemini, through whichever SDK, for its texts."""

import os

from google import genai

from gemstream import AsyncClient, Client


def describe(product: str) -> str:
    """Return a line about a product; the key and the address are the environment's."""
    with Client() as client:
        return client.generate(f"Describe {product}", max_output_tokens=50).text.strip()


async def chat(question: str) -> list[str]:
    """Return the pieces of an answer as they came."""
    async with AsyncClient() as client, client.generate_stream(question) as stream:
        return [piece async for piece in stream.text_stream]


def translate(text: str) -> str:
    """Return the text in French, by the official SDK."""
    client = genai.Client(api_key=os.environ["GEMINI_API_KEY"])
    answer = client.models.generate_content(model="gemini-2.5-flash", contents=f"French: {text}")
    return answer.text or ""
