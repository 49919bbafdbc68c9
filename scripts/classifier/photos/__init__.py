"""Folders of photos become labels, splits and pixels."""
