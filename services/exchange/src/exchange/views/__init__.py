"""What travels over HTTP: what subscribers and officers send, and what they are answered."""
