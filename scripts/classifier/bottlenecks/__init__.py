"""One vector for each photo, computed once by a backbone and cached on disk."""
