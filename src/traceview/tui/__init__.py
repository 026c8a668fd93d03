"""The app: screens own state, widgets know no store, workers never touch widgets."""

import os

# Textual waits this long (ms) for the rest of an escape sequence; it reads the variable when it is imported.
os.environ.setdefault("ESCDELAY", "25")
