"""What the shop's developers test: with the plugin, and without a key."""

import asyncio

import pytest
import shop

from gemstream.emulator import Cut, Rule, Status
from gemstream.errors import ResourceExhausted, StreamInterrupted


def test_without_a_script_the_built_in_model_answers(gemini_emulator):
    assert "a chair" in shop.describe("a chair")


@pytest.mark.gemini_script("A fine ", "chair. ")
def test_a_description_is_trimmed(gemini_emulator):
    assert shop.describe("a chair") == "A fine chair."
    asked = gemini_emulator.requests[0].json
    assert asked["contents"][0]["parts"] == [{"text": "Describe a chair"}]
    assert asked["generationConfig"]["maxOutputTokens"] == 50


@pytest.mark.usefixtures("gemini_leak_check")
@pytest.mark.gemini_script("one ", "two ", Cut(), prompt="cut")
@pytest.mark.gemini_script("all of it", prompt="whole")
def test_a_cut_chat_is_seen(gemini_emulator):
    assert asyncio.run(shop.chat("whole")) == ["all of it"]
    with pytest.raises(StreamInterrupted) as caught:
        asyncio.run(shop.chat("cut"))
    assert caught.value.partial == "one two "


@pytest.mark.gemini_script(Rule(steps=[Status(code=429, quota="GenerateRequestsPerDay")]))
def test_a_used_up_quota_is_an_error(gemini_emulator):
    with pytest.raises(ResourceExhausted):
        shop.describe("a chair")
    assert [entry.status for entry in gemini_emulator.journal] == [429]


@pytest.mark.gemini_script(file="french.toml")
def test_the_official_sdk_is_answered_too(gemini_emulator):
    assert shop.translate("the chair") == "la chaise"


def test_nothing_stays_of_another_test(gemini_emulator):
    assert gemini_emulator.requests == []
    assert not gemini_emulator.script.rules
