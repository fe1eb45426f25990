"""What the pages show, made of what the API answers."""
