"""Judges: code checks and models that give scores, the runner that keeps account of them, and their calibration."""
