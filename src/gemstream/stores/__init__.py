"""Where state lives that outlasts a process: engines and their errors; no decisions."""
