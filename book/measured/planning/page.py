"""The tables of book/planning.md: what a real training run costs, from counted parameters and stated assumptions."""

from dataclasses import dataclass

import torch
from transformers import AutoModel, BertConfig, LlamaConfig, ModernBertConfig

from book.measured.tables import MEASURED, load, table
from rmkit.encoders import encoder_folder

BENCH = MEASURED / "how_fast" / "measured.json"

# --- what is assumed

PAIRS, TOKENS, EPOCHS = 1_000_000, 256, 1  # tokens a text, two texts a pair
BATCH = 512  # pairs a step, over all GPUs; Llama 2's
UTILIZATION = 0.35  # share of the peak that training reaches
GPUS = {"T4": (65e12, 16e9), "A100": (312e12, 80e9), "H100": (989e12, 80e9)}  # FLOP/s of 16-bit matrix products; bytes
LINKS = {"NVLink, within a machine": 450e9, "400 Gbit/s network": 50e9, "10 Gbit/s network": 1.25e9}  # bytes/s, one way
COUNTS = (1, 8, 64)


@dataclass
class Encoder:
    """An encoder's sizes, counted on a model whose weights are never allocated."""

    name: str
    layers: int
    hidden: int
    parameters: int
    matrices: int  # the parameters that multiply each token: all but the embeddings

    @classmethod
    def from_config(cls, name, config):
        with torch.device("meta"):
            model = AutoModel.from_config(config)
        pooler = sum(p.numel() for n, p in model.named_parameters() if n.startswith("pooler."))
        parameters = sum(p.numel() for p in model.parameters()) - pooler
        embeddings = sum(p.numel() for n, p in model.named_parameters() if "embed" in n)
        return cls(name, config.num_hidden_layers, config.hidden_size, parameters, parameters - embeddings)

    def flops(self, tokens):
        """Of one text, forward and backward: 6 a parameter and token, and what tokens do with each other in attention.

        Source: Kaplan et al. 2020, arXiv:2001.08361, section 2.1, for both terms; every token sees every other here.
        """
        return 6 * self.matrices * tokens + 3 * 4 * self.layers * self.hidden * tokens**2


def encoders():
    """From the course's own to a model of the kind that the reward models of today are built on."""
    llama = {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32}
    large = {"hidden_size": 1024, "intermediate_size": 2624, "num_hidden_layers": 28, "num_attention_heads": 16}
    return [
        Encoder.from_config("all-MiniLM-L6-v2", BertConfig.from_pretrained(encoder_folder())),
        Encoder.from_config("bert-base-uncased", BertConfig()),
        Encoder.from_config("ModernBERT-large", ModernBertConfig(**large)),
        Encoder.from_config("Llama 3, 8B", LlamaConfig(**llama, num_key_value_heads=8, vocab_size=128256)),
    ]


def hours(encoder, flops_per_second, gpus=1, utilization=UTILIZATION):
    """Of training on PAIRS pairs."""
    return 2 * PAIRS * EPOCHS * encoder.flops(TOKENS) / (gpus * flops_per_second * utilization) / 3600


def step_seconds(encoder, flops_per_second, gpus):
    """Computing one step of BATCH pairs."""
    return hours(encoder, flops_per_second, gpus) * 3600 / (PAIRS * EPOCHS / BATCH)


def exchange_seconds(encoder, link, gpus):
    """Averaging fp32 gradients in a ring: each GPU sends and receives 2 (n - 1) / n times their size."""
    return 2 * (gpus - 1) / gpus * 4 * encoder.parameters / link


def state_bytes(encoder, gpus=1):
    """Weights, gradients and AdamW's two moments in fp32, 16 bytes a parameter, cut into `gpus` parts by FSDP."""
    return 16 * encoder.parameters / gpus


# --- the tables


def short(number, digits=2):
    """A number as people say it: two figures, and hours or minutes and not 0.0021."""
    return f"{float(f'{number:.{digits}g}'):,.10g}"


def duration(found):
    return f"{short(found)} h" if found >= 1 else f"{short(found * 60)} min" if found >= 1 / 60 else "under 1 min"


def seconds(found):
    return f"{short(found)} s" if found >= 1 else f"{short(found * 1000)} ms"


def work_page(models):
    rows = [
        [m.name, f"{m.parameters / 1e6:,.1f}", f"{m.matrices / 1e6:,.1f}", short(2 * m.flops(TOKENS) / 1e9, 3)]
        for m in models
    ]
    return table(["Encoder", "parameters, millions", "without embeddings", "GFLOPs a pair"], rows)


def hours_page(models, measured):
    head = ["Encoder", *[f"{n} × {gpu}" for gpu, n in [("T4", 1), *[("A100", n) for n in COUNTS]]]]
    head += [f"{n} × H100" for n in COUNTS]
    columns = [("T4", 1), *[("A100", n) for n in COUNTS], *[("H100", n) for n in COUNTS]]
    rows = [[m.name, *[duration(hours(m, GPUS[gpu][0], n)) for gpu, n in columns]] for m in models]
    text = table(head, rows)
    if measured:
        own = hours(models[0], measured, utilization=1)
        text += (
            f"\nFor comparison, measured and not assumed: the two cores on which `make bench` ran trained the course's own "
            f"encoder at {measured / 1e9:,.0f} GFLOP/s, counted as here. At that pace the run takes them **{duration(own)}**.\n"
        )
    return text


def memory_page(models):
    head = [
        "Encoder",
        *[f"state, on each of {n}" if n > 1 else "state, one GPU" for n in COUNTS],
        "smallest that holds it",
    ]
    rows = []
    for m in models:
        fits = next((gpu for gpu, (_, room) in GPUS.items() if state_bytes(m) < room / 2), None)
        enough = next(n for n in (1, 2, 4, 8, 16, 32, 64) if state_bytes(m, n) < GPUS["H100"][1] / 2)
        where = f"one {fits}" if fits else f"{enough} × H100, sharded"
        rows.append([m.name, *[f"{short(state_bytes(m, n) / 1e9)} GB" for n in COUNTS], where])
    return table(head, rows)


def exchange_page(models):
    head = ["Encoder", "computing a step", *LINKS]
    rows = [
        [
            m.name,
            seconds(step_seconds(m, GPUS["H100"][0], 8)),
            *[seconds(exchange_seconds(m, link, 8)) for link in LINKS.values()],
        ]
        for m in models
    ]
    return table(head, rows)


def measured_speed(found):
    """FLOPs a second that `make bench` saw in training, counted as here: the whole last layer, no padding; or None."""
    row = found.get("comparisons", {}).get("limit", {}).get("data", {}).get("HH harmless")
    return row["flops"]["whole last layer"] / row["seconds"]["median"] if row else None


def parts(bench=BENCH):
    """The page's parts in Markdown, from a file of `make bench`'s measurements."""
    models = encoders()
    return {
        "work": work_page(models),
        "hours": hours_page(models, measured_speed(load(bench) or {})),
        "memory": memory_page(models),
        "exchange": exchange_page(models),
    }
