"""Reads, understands and rewrites networks in files."""
