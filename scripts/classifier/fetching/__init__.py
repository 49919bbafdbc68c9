"""A URL, an archive or a drawing program becomes a folder of labels."""
