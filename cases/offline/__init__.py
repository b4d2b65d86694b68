"""What leaves the house with an export and works without it: standard library only."""
