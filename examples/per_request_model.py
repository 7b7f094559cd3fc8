"""One client, a model for each request: a light one drafts, others criticise and polish.

The client's own model answers whenever a call names none.
"""

import asyncio

from gemstream import AsyncClient


async def main() -> None:
    async with AsyncClient(model="gemini-2.5-flash") as client:
        draft = await client.generate(
            "Draft a sentence about the sea", model="gemini-2.5-flash-lite"
        )
        print(f"{draft.model_version}: {draft.text}")

        critique = await client.generate(f"Criticise in one sentence: {draft.text}")
        print(f"{critique.model_version}: {critique.text}")

        prompt = f"Improve: {draft.text}\nMind this: {critique.text}"
        async with client.generate_stream(prompt, model="models/gemini-2.5-pro") as stream:
            final = await stream.finish()
        print(f"{final.model_version}: {final.text}")


if __name__ == "__main__":
    asyncio.run(main())
