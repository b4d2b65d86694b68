"""What runs on a host while evidence is collected there. It comes over SSH as the input of `python3 -`, needs nothing
but Python 3.9, and writes below its work folder only, which should be in memory (/run): no disk of the host is touched.
"""
