"""Bytes ↔ sockets over kept libraries; knows HTTP and nothing of Gemini."""
