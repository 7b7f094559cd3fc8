"""Tools of Anthropic's whose schema the caller leaves out, for Claude knows it: here it is.

The caller runs them; Gemini is told what they take as of any other function.
Source: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview.
"""

from __future__ import annotations

from collections.abc import Callable

from ...codec import JSONObject
from .fields import Fields

__all__ = ("KNOWN_TOOLS", "known_tool")

_TEXT: JSONObject = {"type": "string"}
_WHOLE: JSONObject = {"type": "integer"}
_LINES: JSONObject = {
    "type": "array",
    "items": _WHOLE,
    "description": "First and last line to show, counted from 1; -1 for the end of the file.",
}
_POINT: JSONObject = {
    "type": "array",
    "items": _WHOLE,
    "minItems": 2,
    "maxItems": 2,
    "description": "Pixels from the left and from the top.",
}

_ACTIONS = (
    *("key", "type", "hold_key", "wait", "screenshot", "zoom", "cursor_position", "mouse_move"),
    *("left_click", "right_click", "middle_click", "double_click", "triple_click", "scroll"),
    *("left_click_drag", "left_mouse_down", "left_mouse_up"),
)


def known_tool(kind: str, tool: Fields) -> JSONObject | None:
    """Return description and ``input_schema`` of a tool of type ``kind``; None when unknown."""
    return next((make(tool) for prefix, make in _KNOWN.items() if kind.startswith(prefix)), None)


def _bash(tool: Fields) -> JSONObject:
    return _tool(
        "Run a command in a bash session that stays open between calls.",
        {
            "command": {**_TEXT, "description": "The command; leave out only to restart."},
            "restart": {"type": "boolean", "description": "True starts a new session."},
        },
    )


def _text_editor(tool: Fields) -> JSONObject:
    commands = ["view", "create", "str_replace", "insert"]
    if tool.text("type") == "text_editor_20250124":
        commands.append("undo_edit")
    return _tool(
        "View, create and edit text files.",
        {
            "command": {**_TEXT, "enum": commands},
            "path": {**_TEXT, "description": "The file, or for view a folder."},
            "file_text": {**_TEXT, "description": "For create: the whole content."},
            "old_str": {**_TEXT, "description": "For str_replace: text that occurs once."},
            "new_str": {**_TEXT, "description": "For str_replace: what takes its place."},
            "insert_line": {**_WHOLE, "description": "For insert: the line to insert behind."},
            "insert_text": {**_TEXT, "description": "For insert: the text."},
            "view_range": _LINES,
        },
        ["command", "path"],
    )


def _memory(tool: Fields) -> JSONObject:
    commands = ["view", "create", "str_replace", "insert", "delete", "rename"]
    return _tool(
        "Keep notes across conversations, as files in the folder /memories.",
        {
            "command": {**_TEXT, "enum": commands},
            "path": {**_TEXT, "description": "The file or folder, under /memories."},
            "file_text": {**_TEXT, "description": "For create: the whole content."},
            "old_str": {**_TEXT, "description": "For str_replace: text that occurs once."},
            "new_str": {**_TEXT, "description": "For str_replace: what takes its place."},
            "insert_line": {**_WHOLE, "description": "For insert: the line to insert behind."},
            "insert_text": {**_TEXT, "description": "For insert: the text."},
            "old_path": {**_TEXT, "description": "For rename: what to rename."},
            "new_path": {**_TEXT, "description": "For rename: its new name."},
            "view_range": _LINES,
        },
        ["command"],
    )


def _computer(tool: Fields) -> JSONObject:
    width = tool.integer("display_width_px", least=1)
    height = tool.integer("display_height_px", least=1)
    if width is None or height is None:
        raise tool.missing("display_width_px and display_height_px", "1280 and 800")
    tool.integer("display_number", least=0)
    return _tool(
        f"Operate a computer by its screen of {width} × {height} pixels, mouse and keyboard. "
        "Take a screenshot to see what an action did.",
        {
            "action": {**_TEXT, "enum": list(_ACTIONS)},
            "coordinate": _POINT,
            "start_coordinate": {**_POINT, "description": "For left_click_drag: where it begins."},
            "text": {**_TEXT, "description": "For type: the text. For key, hold_key: the keys."},
            "scroll_direction": {**_TEXT, "enum": ["up", "down", "left", "right"]},
            "scroll_amount": {**_WHOLE, "description": "For scroll: clicks of the wheel."},
            "duration": {"type": "number", "description": "For wait, hold_key: seconds."},
            "region": {
                "type": "array",
                "items": _WHOLE,
                "minItems": 4,
                "maxItems": 4,
                "description": "For zoom: left, top, right, bottom.",
            },
        },
        ["action"],
    )


def _tool(
    description: str, properties: JSONObject, required: list[str] | None = None
) -> JSONObject:
    schema: JSONObject = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return {"description": description, "input_schema": schema}


_KNOWN: dict[str, Callable[[Fields], JSONObject]] = {
    "bash_": _bash,
    "text_editor_": _text_editor,
    "memory_": _memory,
    "computer_20": _computer,
}

KNOWN_TOOLS = tuple(_KNOWN)
"""What the types of the known tools begin with."""
