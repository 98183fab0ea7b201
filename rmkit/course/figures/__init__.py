"""Figures that one chapter or one page draws: a file for each topic. Style and axes come from `rmkit.figures`."""
