"""The data that ships with the package, one JSON Lines file for each name that `rmkit.load_rankings` knows."""
