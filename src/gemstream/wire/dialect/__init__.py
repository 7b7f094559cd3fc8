"""The dialects that callers and accounts speak, each to and from one stream of neutral events.

Gemini's own is the middle: a request of another dialect becomes a Gemini request, and an answer
becomes neutral events, which the dialect of the caller writes down as a stream or, folded, as a
whole.
"""
