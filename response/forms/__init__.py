"""Forms of response."""
