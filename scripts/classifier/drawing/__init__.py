"""Pictures and columns of text for people to look at."""
