"""One trace or conversation as a page of its own, to send to a colleague."""
