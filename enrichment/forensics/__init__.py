"""Forensic tools that read an item of evidence in a limited process of its own, beside the image, never on a device."""
