"""Anthropic's Messages API, spoken with callers: their requests read, their answers written.

Source: https://docs.anthropic.com/en/api/messages, SDK ``anthropic`` 2.12.
"""
