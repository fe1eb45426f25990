"""What travels over the router's routes, by resource: bodies in, answers out."""
