"""What only the chapters need: exercises with their checks, figures, and a way to show the package's own source."""
