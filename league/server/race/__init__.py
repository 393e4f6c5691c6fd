"""Running heats: the lobby, grids, drivers and the clock."""
