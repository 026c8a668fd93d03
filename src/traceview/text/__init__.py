"""Pure helpers: text made safe to draw, cell widths, wrapping, JSON, previews, numbers and times for people."""
