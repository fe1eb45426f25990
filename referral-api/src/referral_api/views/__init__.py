"""What travels over HTTP: bodies in, answers out, by resource."""
