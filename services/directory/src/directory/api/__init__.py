"""The routes of the directory, by resource: parse, have it handled, answer."""
