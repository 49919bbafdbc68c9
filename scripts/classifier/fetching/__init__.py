"""Photos from a URL, an archive or a drawing program become a folder of labels."""
