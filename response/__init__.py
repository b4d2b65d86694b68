"""Contain, eradicate, recover: runbooks planned, approved, done, verified, undoable and recorded."""
