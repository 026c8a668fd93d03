"""Prompt versions where none is recorded, found by what the calls' system prompts have in common. Pure."""
