"""Panels that several screens open beside what they show."""
