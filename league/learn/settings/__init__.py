"""What a run is to do: recipes, the DeepRacer files that they name, and what these settle."""
