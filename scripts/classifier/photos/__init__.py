"""Turns folders of photos into labels, splits and pixels."""
