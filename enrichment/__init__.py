"""Detect and analyse: questions asked by machines before anybody opens a case."""
