"""Writes and opens classifiers in every format, so that no other wing has to tell formats apart."""
