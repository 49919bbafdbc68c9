"""One vector a photo, computed once by a backbone and cached on disk."""
