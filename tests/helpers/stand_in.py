"""A stand-in for a reward model, whose rewards are known, and small data on which every number can be counted by
hand."""

from types import SimpleNamespace

from rmkit.batching import encode_rankings
from rmkit.encoders import load_tokenizer
from rmkit.evaluation import evaluate
from rmkit.rankings import Ranking, Rankings

TOKENIZER = load_tokenizer()


class Fixed:
    """A model that gives the texts of `data` the rewards it was told to, and any other text 0."""

    def __init__(self, rewards, data, text_length=64):
        self.tokenizer, self.seen = TOKENIZER, None
        self.config = SimpleNamespace(text_length=text_length)
        encoded = encode_rankings([r for r in data if r.pairs()], TOKENIZER, text_length)
        texts = [tuple(text.ids) for group in encoded for text in group]
        self.rewards = dict(zip(texts, rewards, strict=True))

    def score_ids(self, texts, batch_size=32):
        return [self.rewards.get(tuple(text), 0.0) for text in texts]


DATA = Rankings(
    [
        Ranking("Name a fruit.", ["an apple", "a pear tree", "a brick"]),  # pairs: short-long, long-short, long-short
        Ranking("2 + 2?", ["4", "5"]),  # equal length
        Ranking("Tie?", ["yes", "no"], ranks=[0, 0]),  # left out
        Ranking("Name a fruit.", ["a plum", "a rock", "a fig"], ranks=[0, 1, 1]),  # equal; long-short; a tie inside
    ]
)
REWARDS = [0.9, 0.1, 0.4, -0.2, 0.3, 0.5, 0.5, -0.5]
MARGINS = [0.8, 0.5, -0.3, -0.5, 0.0, 1.0]
PROMPTS = [0, 0, 0, 1, 0, 0]


def fixed_report(rewards=REWARDS, data=DATA, text_length=64, **settings):
    return evaluate(Fixed(rewards, data, text_length), data, **settings)
