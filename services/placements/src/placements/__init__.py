"""Alternative provision: providers, holds, offers, placements; suspensions and exclusions."""
