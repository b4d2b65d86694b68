"""The try-out: one command that starts everything on this machine, and the range that plays a company for it."""
