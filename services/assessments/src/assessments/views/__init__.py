"""What travels over the routes."""
