"""The tables and figures of book/data-card.md, from the data itself, from what its review found
(rmkit/datasets/course-review.json), and from what learnability.py and recipes.py beside this file measured.
"""

import hashlib
from collections import Counter
from pathlib import Path

from book.measured.tables import LIKENESS, MISSING, interval, load, plain, share, signed, table
from rmkit import __version__
from rmkit.course.figures import data_card as figures
from rmkit.intervals import wilson
from rmkit.loading import DATASETS, load_rankings
from rmkit.shortcuts import audit

HERE = Path(__file__).resolve().parent

# What each flaw means, and the row whose answer shows it.
FLAWS = {
    "misreads the question": ("A fair answer to another question than the one that was asked.", "law-101"),
    "wrong fact": ("States something that is not so.", "law-027"),
    "incomplete": ("Right, but a part that was asked for is missing.", "science-025"),
    "ignores the instruction": ("Does not do what the prompt says, or not in the form it asks for.", "law-077"),
    "off topic": ("Speaks of something else altogether.", "law-019"),
    "vague": ("Points the right way and says nothing that could be checked or used.", "law-110"),
    "wrong reasoning": ("Draws a conclusion that does not follow.", "science-048"),
    "unsafe": ("Following it could do harm.", "advice-003"),
    "rude or careless": ("Dismisses the person or the worry.", "writing-069"),
    "padded": ("Right, but buried in words that nobody needs.", "writing-049"),
    "wrong register": ("Right, but in the wrong tone for its reader.", "law-111"),
    "invented source": ("Cites a statute, case, study or book that does not exist.", "law-066"),
}


# --- what is in the data


def counts_page(data):
    """Prompts by domain and split, and what they add up to."""
    domains = by_size(ranking.info["domain"] for ranking in data)
    splits = [name for name in ("train", "validation", "test") if name in {r.info["split"] for r in data}]
    rows = []
    for name in [*domains, "all"]:
        part = [ranking for ranking in data if name in (ranking.info["domain"], "all")]
        prompts = [sum(ranking.info["split"] == split for ranking in part) for split in splits]
        pairs = sum(len(ranking.pairs()) for ranking in part)
        rows.append([name, *prompts, len(part), sum(map(len, part)), pairs, sum(map(n_ties, part))])
    head = ["Prompts", *splits, "together", "answers", "pairs", "ties"]
    more = sum(len(ranking) > 4 for ranking in data)
    return (
        f"{len(data)} prompts with {sum(map(len, data))} answers make {data.n_pairs} pairs of a better and a worse one. "
        f"{more} prompts have more than four answers. {sum(n_ties(r) > 0 for r in data)} prompts hold a tie: "
        f"{sum(map(n_ties, data))} pairs of answers that are equally good, or equally bad, and count as no pair.\n\n"
    ) + table(head, rows)


def n_ties(ranking):
    return len(ranking) * (len(ranking) - 1) // 2 - len(ranking.pairs())


def by_size(names):
    """The different names, the most frequent first."""
    return [name for name, _ in Counter(names).most_common()]


def taxonomy_page(data):
    """Each flaw: how often, what it means, and one answer that shows it, found by its id."""
    rows = {ranking.info["id"]: ranking for ranking in data}
    found = Counter(flaw for ranking in data for flaw in ranking.info["flaws"] if flaw)
    if unknown := set(found) - set(FLAWS):
        raise SystemExit(f"book/measured/data_card: FLAWS does not say what {', '.join(sorted(unknown))} means")
    entries = []
    for flaw, n in found.most_common():
        meaning, name = FLAWS[flaw]
        if name not in rows or flaw not in rows[name].info["flaws"]:
            raise SystemExit(
                f'book/measured/data_card: no answer of {name} is "{flaw}" any more; choose another example'
            )
        ranking = rows[name]
        position = ranking.info["flaws"].index(flaw)
        entries.append(
            f"{flaw} ({n} answers)\n"
            f": {meaning}\\\n"
            f"  *Asked:* {plain(ranking.prompt)}\\\n"
            f"  *Answered:* {plain(ranking.responses[position])}\\\n"
            f"  *Flaw:* {plain(ranking.info['why'][position])} ({name})\n"
        )
    return "\n".join(entries)


def flaws_by_domain(data):
    """{flaw: {domain: how many responses}}, the most frequent flaw and the largest domain first."""
    found = [(flaw, ranking.info["domain"]) for ranking in data for flaw in ranking.info["flaws"] if flaw]
    cells, domains = Counter(found), by_size(ranking.info["domain"] for ranking in data)
    return {flaw: {domain: cells[flaw, domain] for domain in domains} for flaw in by_size(flaw for flaw, _ in found)}


def flaws_page(counts):
    domains = list(next(iter(counts.values())))
    return table(["Answers", *domains], [[flaw, *row.values()] for flaw, row in counts.items()])


def draw(folder):
    """The page's figures, as PNG files in `folder`."""
    data = load_rankings("course")
    counts = flaws_by_domain(data)
    sums = Counter()
    for row in counts.values():
        sums.update(row)
    shares = {flaw: {domain: n / sums[domain] for domain, n in row.items()} for flaw, row in counts.items()}
    figures.plot_flaws(shares, folder / "flaws.png")
    figures.plot_lengths(lengths_by_rank(data), folder / "lengths.png")
    ks = Counter(map(len, data))
    figures.plot_k({k: ks[k] for k in range(min(ks), max(ks) + 1)}, folder / "k.png")


def lengths_by_rank(data):
    """{rank: [characters]}, where the ranks from 4 on, which few prompts have, are one."""
    last = max(rank for ranking in data for rank in ranking.ranks)
    names = {rank: str(rank) if rank < 4 else f"4 to {last}" for rank in range(last + 1)}
    lengths = {name: [] for name in names.values()}
    for ranking in data:
        for rank, response in zip(ranking.ranks, ranking.responses, strict=True):
            lengths[names[rank]].append(len(response))
    return lengths


# --- what the second look found


def agreement_page(review):
    pairs, tau, n = review["blind"]["pairs"], review["blind"]["tau"], review["blind"]["n_prompts"]
    by_prompt = dict(zip(("low", "high"), review["blind"]["pairs_bootstrap"], strict=True))
    rows = [
        ["pairs in the same order", share(pairs["value"]), interval(pairs), f"{pairs['n']} pairs"],
        ["the same, interval over prompts", share(pairs["value"]), interval(by_prompt), f"{n} prompts"],
        ["Kendall's $\\tau$, mean", f"{tau['value']:.2f}", f"{tau['low']:.2f} to {tau['high']:.2f}", f"{n} prompts"],
    ]
    blind, by_rule = review["blind"], review["review"]["n_tied_by_rule"]
    disputed = (
        f"{blind['n_disputed']} pairs were disputed. {blind['n_swapped']} of them were turned around, {blind['n_tied']} were "
        f"tied, {blind['n_rewritten']} was rewritten. Most were of one kind: a false answer just above a true answer to "
        "another question, which the second pass liked better. Among the prompts that were ordered only once, such "
        f"neighbors are tied now: {by_rule} pairs."
    )
    return f"{table(['Agreement', 'value', '95% interval', 'of'], rows)}\n{disputed}\n"


def sample_page(review):
    sample, whole = review["sample"], review["review"]
    rows = [
        [f"wrong in {name}", f"{sample[f'wrong_{name}']} of {sample['n_prompts']}"] for name in ("fact", "rank", "flaw")
    ]
    return (
        f"The review pass read {whole['n_prompts']} prompts and changed something in {whole['n_fixed']} of them. Before "
        f"that, {sample['n_prompts']} prompts, drawn at random, had been read against the taxonomy by a pass that had no part "
        f"in writing them. It found something in {sample['any']}:\n\n{table(['Found', 'prompts'], rows)}\nWhat was done: {sample['done']}\n"
    )


# --- what gives the better answer away


def audit_page(facts, tail):
    """Each promise, what was measured, and whether the two agree; `tail` is what `longest_tail` returns."""
    whole = {"all": {"longest_wins": facts["longest_wins"]}}
    lengths = []
    for name, part in (whole | facts["by_domain"]).items():
        longest = part["longest_wins"]
        shortest = {"value": 1 - longest["value"], "low": 1 - longest["high"], "high": 1 - longest["low"]}
        both = [cell for wins in (longest, shortest) for cell in (share(wins["value"]), interval(wins))]
        lengths.append([name, *both, kept(0.45 <= longest["value"] <= 0.55)])
    words, runs = facts["bag_of_words"], facts["shared_runs"]
    others = [
        ["words alone", share(words["value"]), interval(words), words["n"], "under 60%", kept(words["value"] < 0.6)],
        ["groups that share eight words in a row", runs, "", "", "0", kept(runs == 0)],
        ["a very long answer beats one that is not", share(tail["value"]), interval(tail), tail["n"], "none", ""],
    ]
    head = ["Prompts", "longest wins", "95% interval", "shortest wins", "95% interval", "promise"]
    tone = (
        "The interval of “words alone” lies above one half: some of the wording still tells. A model has learned more than "
        "tone only as far as it beats that number, and this is why it stands beside every result below.\n"
        if words["low"] > 0.5
        else "The interval of “words alone” holds one half: no tone was found that marks the better answer.\n"
    )
    more = table(["Rule", "measured", "95% interval", "pairs", "promise", "kept"], others)
    promise = "Promised: the longest and the shortest each win 45% to 55% of the pairs, in all and in every domain.\n"
    return f"{promise}\n{table(head, lengths)}\n{more}\n{tone}"


def kept(promise):
    return "kept" if promise else "**broken**"


def longest_tail(data, part=0.05):
    """How often a response among the longest `part` of all beats one that is not: an `Estimate`."""
    lengths = sorted(len(response) for ranking in data for response in ranking.responses)
    limit = lengths[-round(part * len(lengths))]
    won = []
    for ranking in data:
        long = [len(response) >= limit for response in ranking.responses]
        won += [long[i] for i, j in ranking.pairs() if long[i] != long[j]]
    return wilson(sum(won), len(won))


# --- what can be learned


def learnability_page(measured):
    base, minutes = measured["baselines"], measured["minutes"]
    names = {
        "longest": "the longest wins",
        "shortest": "the shortest wins",
        "bag_of_words": "words alone, fitted to the training prompts",
        "frozen_probe": "a linear probe on the frozen encoder",
        "similarity": LIKENESS,
    }
    rules = [("**the trained model**", measured["accuracy"]), *((words, base[name]) for name, words in names.items())]
    words, model = base["bag_of_words"], measured["accuracy"]
    verdict = (
        "The model's interval lies above that of words alone: it learned more than tone."
        if model["low"] > words["high"]
        else "The model's interval does not lie above that of words alone: so few test prompts do not settle which is better."
    )
    similarity = base["similarity"]
    fewest = min(measured["curve"], key=int)
    verdict += (
        f" On prompts that it was trained on, it is right about {share(measured['training_pairs'])} of the pairs: it knows "
        f"them by heart, and little of that carries over. With {fewest} training prompts it reached "
        f"{share(measured['curve'][fewest]['value'])}, with all {measured['n_train']} it reaches {share(model['value'])}."
    )
    verdict += (
        f" *{LIKENESS.capitalize()}* is a rule without any training: it prefers the answer whose vector in the frozen encoder "
        "has the larger cosine with the prompt's."
    )
    if similarity["value"] >= model["value"]:
        verdict += " It does no worse than the model."
    curve = {**measured["curve"], str(measured["n_train"]): model}
    how = (
        f"Trained on the {measured['n_train']} prompts of `course:train` with `rmkit.train`'s defaults, once for each of "
        f"{measured['seeds']} seeds ({min(minutes):.1f} to {max(minutes):.1f} minutes each on two processor cores), and "
        f"measured on the {measured['n_test']} prompts of `course:test`. The model's numbers are means over the seeds; the "
        "intervals come from drawing the test prompts again, whole.\n"
    )
    parts = [
        how,
        estimates("Which answer is better, according to", dict(rules)),
        verdict + "\n",
        estimates("By domain", measured["by_domain"]),
        estimates("By the flaw of the worse answer", measured["by_flaw"]),
        estimates("By distance in rank", measured["by_distance"]),
        estimates("By number of training prompts", curve),
    ]
    if "pandalm" in measured:
        human = measured["pandalm"]
        base = human["baselines"]
        parts += [
            "Does it carry over? The same models on PandaLM's development set, instructions with the votes of people:\n",
            estimates(
                "Right about the people's majority",
                {
                    "**the trained model**": human["accuracy"],
                    "the longest wins": base["longest"],
                    "the shortest wins": base["shortest"],
                    LIKENESS: base["similarity"],
                    "two of the people agree with each other (by pair)": base["annotators"],
                },
            ),
        ]
    return "\n".join(parts)


def recipes_page(measured):
    """Which ways of training were tried before the default was chosen, and what each gained."""
    rows = []
    for name, found in measured["recipes"].items():
        gain = found["gain"]
        change = "" if gain["value"] == gain["low"] == 0 else f"{100 * gain['value']:+.1f} ({signed(gain)})"
        rows.append([name, share(found["accuracy"]["value"]), interval(found["accuracy"]), change])
    return (
        f"By three-fold cross-validation over the {measured['n_prompts']} prompts of `course:train` and "
        "`course:validation`, one seed each, and without the test part. Gains are in percentage points over training all "
        "layers, on the same pairs; intervals draw whole prompts.\n\n"
        + table(["Way of training", "right", "95% interval", "gain (95% interval)"], rows)
    )


def estimates(title, parts):
    """A table of named estimates."""
    rows = [[name, share(e["value"]), interval(e) if e["n"] >= 20 else "too few", e["n"]] for name, e in parts.items()]
    return table([title, "right", "95% interval", "pairs"], rows)


# --- all of it


def cite_page(file):
    """How to cite the data, with the fingerprint of the very file."""
    return (
        "> The Reward Models from the Ground Up contributors. *The course data*, part of *Reward Models from the Ground Up*, "
        f"version {__version__}. CC BY 4.0. SHA-256 of the file: `{hashlib.sha256(file.read_bytes()).hexdigest()[:16]}`…\n"
    )


def parts(review=DATASETS / "course-review.json", measured=HERE):
    """The page's parts in Markdown; `measured` is the folder that learnability.json and recipes.json are in."""
    data, review = load_rankings("course"), load(review)
    learned, recipes = (load(Path(measured) / name) for name in ("learnability.json", "recipes.json"))
    return {
        "counts": counts_page(data),
        "taxonomy": taxonomy_page(data),
        "flaws": flaws_page(flaws_by_domain(data)),
        "agreement": agreement_page(review) if review else MISSING,
        "sample": sample_page(review) if review else MISSING,
        "audit": audit_page({**data.describe(), **audit(data)}, longest_tail(data).to_dict()),
        "learnability": learnability_page(learned) if learned else MISSING,
        "recipes": recipes_page(recipes) if recipes else MISSING,
        "cite": cite_page(DATASETS / "course.jsonl"),
    }
