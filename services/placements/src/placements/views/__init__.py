"""What travels over the routes: `places` for providers and placements, `exclusions` for the rest."""
