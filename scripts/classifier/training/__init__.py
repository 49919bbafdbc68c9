"""Vectors become a classifier, and what is known of it is written beside it."""
