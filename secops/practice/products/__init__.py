"""Simulated products: each speaks a vendor's own API, with its limits and its errors."""
