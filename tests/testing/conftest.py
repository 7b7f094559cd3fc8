"""The foreign project is run by its own pytest, not by ours."""

collect_ignore = ["foreign"]
