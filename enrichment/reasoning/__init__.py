"""Judging traffic: pure functions from what connectors give to facts, signals and words. No model, no settings."""
