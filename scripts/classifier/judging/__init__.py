"""Measures how good a classifier is, on photos whose labels are known."""
