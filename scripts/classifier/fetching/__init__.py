"""Turns a URL, an archive or a drawing program into a folder of labels."""
