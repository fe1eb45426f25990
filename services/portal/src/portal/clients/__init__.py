"""Those whom the portal asks: the public API with its viewer's token, and the issuer."""
