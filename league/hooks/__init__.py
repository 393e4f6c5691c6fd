"""Where plugins meet the league: specifications, loading, and the catalogue of what plugins offer."""
