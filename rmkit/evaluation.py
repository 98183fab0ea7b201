"""How good is a reward model? Accuracy with its interval, and what a trivial rule gets on the same pairs (chapter 6)."""

import math
from dataclasses import asdict, dataclass

import torch
from torch.nn.functional import logsigmoid

from rmkit.batching import count_cut, encode_rankings
from rmkit.checkpoints import fingerprint
from rmkit.data import Estimate, wilson
from rmkit.errors import InputError
from rmkit.files import write_json
from rmkit.losses import k_choose_2_loss, pair_positions
from rmkit.processes import check_alike, join_processes


@dataclass
class Report:
    """What `evaluate` found; `print` it, `plot` it, `save` it.

    - `accuracy`: the share of pairs in which the better response has the higher reward, with Wilson's 95% interval; equal
      rewards count half, as a coin would. All pairs weigh the same.
    - `log_loss`: the mean over pairs of -log sigmoid(margin), in nats; a coin's is log 2 = 0.693.
    - `ranking_loss`: the K-choose-2 loss, which training lowers: the mean over each ranking's pairs, then over rankings.
    - `n_pairs`, `n_prompts`, `n_ties`: pairs measured, different prompts, pairs left out because the data calls them a tie.
    - `n_truncated`, `n_answers_cut`: texts that were cut to fit, and those among them that lost part of the response.
    - `baselines`: what a coin, "the longest wins" and "the shortest wins" get on the same pairs. Length is in characters.
    - `margins`: better minus worse, a number a pair.
    """

    accuracy: Estimate
    log_loss: float
    ranking_loss: float
    n_pairs: int
    n_prompts: int
    n_ties: int
    n_truncated: int
    n_answers_cut: int
    baselines: dict
    margins: list

    def to_dict(self):
        """Plain numbers, ready for JSON; without the margins."""
        return {key: value for key, value in asdict(self).items() if key != "margins"}

    def save(self, path):
        """Write it as JSON, whole or not at all."""
        write_json(path, self.to_dict())

    def plot(self):
        """The accuracy beside the baselines, with their intervals."""
        from rmkit.plots import plot_report

        plot_report(self)

    def __str__(self):
        rules = {"chance": "a coin", "longest": "longest wins", "shortest": "shortest wins"}
        rows = [("accuracy", self.accuracy), *((rules[name], value) for name, value in self.baselines.items())]
        return "\n".join(
            [f"{self.n_pairs} pairs from {self.n_prompts} prompts; {self.n_ties} ties left out"]
            + [f"{name:<14} {estimate}" for name, estimate in rows]
            + [f"{'log loss':<14} {self.log_loss:.3f} (a coin: {math.log(2):.3f})"]
            + [f"{'cut to fit':<14} {self.n_truncated} texts, {self.n_answers_cut} of them in the response"]
        )

    __repr__ = __str__


def evaluate(model, data, batch_size=32):
    """Measure a reward model on rankings it should not have been trained on.

    Of several processes (`accelerate launch`) each reads its share of the texts. Call it in every one of them: they wait
    for each other, and all return the same report.

    Args:
        model: a `RewardModel`.
        data: `Rankings`.
        batch_size: texts a forward pass; it changes the speed, not the result.

    Returns:
        A `Report`. The pairs of one prompt are not independent, so with K > 2 the interval is somewhat too narrow.

    Raises:
        InputError: if the data holds no pair, or is not the same in all processes.

    >>> from rmkit import RewardModel, load_rankings
    >>> report = evaluate(RewardModel.from_encoder(), load_rankings("toy"))
    >>> report.n_pairs, report.baselines["chance"]
    (10, 0.500 [0.237, 0.763], n = 10)
    """
    rankings = [ranking for ranking in data if ranking.pairs()]
    if not rankings:
        raise InputError("the data holds no pair to measure on: it is empty, or every ranking is a tie")
    check_alike({"data": fingerprint(rankings)})
    encoded = encode_rankings(rankings, model.tokenizer, model.config.text_length)
    rewards = score_together(model, [text.ids for texts in encoded for text in texts], batch_size)  # (N,)
    sizes = [len(ranking) for ranking in rankings]
    ranks = [rank for ranking in rankings for rank in ranking.ranks]
    better, worse, _ = pair_positions(sizes, ranks)  # (P,) each
    margins = rewards[better] - rewards[worse]  # (P,)
    n = len(margins)
    n_truncated, n_answers_cut = count_cut(encoded)
    lengths = torch.tensor([len(response) for ranking in rankings for response in ranking.responses])  # (N,)
    longer = lengths[better] - lengths[worse]  # (P,)
    return Report(
        accuracy=share_above_zero(margins),
        log_loss=-logsigmoid(margins).mean().item(),
        ranking_loss=k_choose_2_loss(rewards, sizes, ranks).item(),
        n_pairs=n,
        n_prompts=len({ranking.prompt for ranking in rankings}),
        n_ties=sum(math.comb(len(ranking), 2) - len(ranking.pairs()) for ranking in data),
        n_truncated=n_truncated,
        n_answers_cut=n_answers_cut,
        baselines={
            "chance": wilson(n / 2, n),
            "longest": share_above_zero(longer),
            "shortest": share_above_zero(-longer),
        },
        margins=margins.tolist(),
    )


def score_together(model, texts, batch_size=32):
    """The rewards of all texts, shape (N,), of which each process scores its share: the first one's is 0, n, 2n, ...

    Every share is filled up to the same length, since under FSDP each forward pass needs all processes; what was added is
    dropped again, so that every text counts once.
    """
    accelerator = join_processes()
    n = accelerator.num_processes
    filled = texts + texts[:1] * (-len(texts) % n)
    rewards = model.score_ids(filled[accelerator.process_index :: n], batch_size)
    rewards = accelerator.gather(torch.tensor(rewards, device=accelerator.device))  # share after share
    return rewards.view(n, -1).T.flatten()[: len(texts)].cpu()  # (N,)


def share_above_zero(margins):
    """How many of the margins are positive, those that are zero counting half, with Wilson's interval.

    >>> share_above_zero(torch.tensor([0.3, -0.1, 0.0, 0.2]))
    0.625 [0.219, 0.908], n = 4
    """
    return wilson((margins > 0).sum().item() + (margins == 0).sum().item() / 2, len(margins))
