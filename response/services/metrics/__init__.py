"""The figures of a security operations centre, of the cases that the reader may see and of no other."""
