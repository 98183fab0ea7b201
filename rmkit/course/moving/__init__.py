"""Figures that a reader can move: a push that comes through tanh (chapter 2), a pair and a ranking (chapter 3).

Each is one piece of HTML: sliders, a drawing, and the style and script of the files beside this one. It loads nothing
and needs no widget library, so it moves in Colab, in JupyterLab and in the built book. Python draws the first position;
where scripts do not run, that stays, and the sliders do not appear.
"""

from rmkit.course.moving.pair import PairExplorer
from rmkit.course.moving.push import PushExplorer
from rmkit.course.moving.ranking import BEST_REWARDS, RankingExplorer

__all__ = ["BEST_REWARDS", "PairExplorer", "PushExplorer", "RankingExplorer"]
