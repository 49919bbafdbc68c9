"""The report of an evaluation: one page in one file, which loads nothing when it is opened."""
