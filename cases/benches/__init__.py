"""What intake must reach (PERFORMANCE.md part 5)."""
