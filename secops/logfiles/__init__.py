"""Log files on disk, read where they lie: what is in a folder, a columnar cache of it, questions over it."""
