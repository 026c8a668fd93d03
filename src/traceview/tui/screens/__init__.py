"""Screens: what fills the terminal; each owns its state and asks the engine through workers."""
