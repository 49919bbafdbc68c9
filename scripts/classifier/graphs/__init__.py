"""Networks as files hold them: read, understood and rewritten."""
