"""The filter language: text to a typed syntax tree and back, completions, errors with a column."""
