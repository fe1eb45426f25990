"""The caseworkers' web pages."""
