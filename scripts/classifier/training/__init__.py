"""Trains classifiers, and writes each with a record of its training beside it."""
