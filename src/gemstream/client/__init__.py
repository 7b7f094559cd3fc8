"""The client: options → request → attempts → chunks."""
