"""The toy loop: a reward model as notebooks on the subject train it, written from a description of one.

Two forward passes a step, one for the better and one for the worse responses; every text is padded to 512 tokens, and
tokenized again each time it is needed; the loss is -log(sigmoid(better - worse)); plain AdamW.
"""

import json
import time

import torch
from torch import nn

import rmkit
from book.measured.how_fast.timing import Run
from rmkit.encoders import DROPOUTS


class PreferenceDataset(torch.utils.data.Dataset):
    """Pairs of a better and a worse text, tokenized when they are asked for."""

    def __init__(self, pairs, tokenizer):
        self.pairs, self.tokenizer = pairs, tokenizer

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        prompt, (better, worse) = self.pairs[index]["prompt"], self.pairs[index]["responses"]
        return self.tokenized(f"{prompt} {better}") | {
            f"worse_{name}": ids for name, ids in self.tokenized(f"{prompt} {worse}").items()
        }

    def tokenized(self, text):
        found = self.tokenizer(text, padding="max_length", truncation=True, max_length=512, return_tensors="pt")
        return {name: found[name].squeeze(0) for name in ("input_ids", "attention_mask")}  # (512,) each


class ToyModel(nn.Module):
    """Encoder, [CLS], one linear unit, tanh."""

    def __init__(self, encoder, head):
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, input_ids, attention_mask):
        vectors = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # (B, 512, hidden)
        return torch.tanh(self.head(vectors[:, 0])).squeeze(-1)  # (B,)


def run(folder, dropout):
    """Train as `folder` says, in the batches of `rmkit.train`; dropout 0.1 is what BERT comes with."""
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    with open(folder / "rankings.jsonl", encoding="utf-8") as file:
        pairs = [json.loads(line) for line in file]
    trained = rmkit.RewardModel.from_pretrained(folder / "model")
    for module in trained.encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout
        for name in DROPOUTS:
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, dropout)
    model, losses, first = ToyModel(trained.encoder, trained.head), [], 0.0
    torch.manual_seed(0)

    start = time.perf_counter()
    loader = torch.utils.data.DataLoader(PreferenceDataset(pairs, trained.tokenizer), batch_sampler=plan["batches"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=plan["lr"])
    model.train()
    for batch in loader:
        optimizer.zero_grad()
        better = model(batch["input_ids"], batch["attention_mask"])  # (B,)
        worse = model(batch["worse_input_ids"], batch["worse_attention_mask"])  # (B,)
        loss = -torch.log(torch.sigmoid(better - worse)).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        first = first or time.time()
    return Run(time.perf_counter() - start, losses, first)
