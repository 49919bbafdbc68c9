"""Turns bottlenecks into a classifier, written with a record of its training beside it."""
