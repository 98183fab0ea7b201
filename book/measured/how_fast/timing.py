"""What every comparison of `make bench` shares: fair timing, equal losses, memory, and the machine's details.

Only the standard library is imported here, so that a contender in a process of its own pays for its own imports alone.
"""

import importlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

HERE = "book.measured.how_fast"
ROOT = Path(__file__).parents[3]
TOLERANCE = 1e-5
"""How far two losses of the same step may lie apart, in nats, and two rewards of the same text."""


class Mismatch(Exception):
    """A contender that computes something else: its time does not count."""


@dataclass
class Run:
    """One timed run: how long it took, and what came out, step by step or text by text."""

    seconds: float
    results: list
    first: float = 0.0  # when the first of the results was there, in seconds since the epoch


@dataclass
class Contender:
    """One way to do the work: `run(folder, **options)` of a module in this folder.

    Args:
        folder: holds the work, as `rmkit_loop.prepare` wrote it.
        time_only: why its results cannot be those of the reference; left out, they must be equal.
    """

    name: str
    module: str
    folder: Path
    options: dict = field(default_factory=dict)
    time_only: str | None = None

    def run(self):
        return importlib.import_module(f"{HERE}.{self.module}").run(self.folder, **self.options)

    def alone(self):
        """Run it in a new process: {"start_up", "peak_mib", "results"}; see `main`."""
        command = [
            sys.executable,
            "-m",
            f"{HERE}.timing",
            self.module,
            str(self.folder),
            json.dumps(self.options),
            str(time.time()),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{self.name}, in a process of its own:\n{done.stderr[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1])


def interleaved(runs, repeats):
    """Run A B C, then A B C again, ...: what slows the machine down for a while slows all of them.

    Args:
        runs: {name: a function that returns a `Run`}.

    Returns:
        {name: [Run, ...]}, one a round.

    >>> order = []
    >>> runs = {name: lambda name=name: order.append(name) or Run(1.0, []) for name in "AB"}
    >>> rounds = interleaved(runs, 3)
    >>> "".join(order), len(rounds["A"])
    ('ABABAB', 3)
    """
    rounds = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            rounds[name].append(run())
    return rounds


def spread(values):
    """The middle one of several measurements, the lowest and the highest.

    >>> spread([3.0, 1.0, 2.0])
    {'median': 2.0, 'low': 1.0, 'high': 3.0, 'n': 3}
    """
    return {"median": median(values), "low": min(values), "high": max(values), "n": len(values)}


def ratios(rounds, name, reference):
    """How many times as long `name` took as `reference`, within each round.

    >>> spread(ratios({"slow": [Run(4.0, []), Run(9.0, [])], "fast": [Run(2.0, []), Run(3.0, [])]}, "slow", "fast"))
    {'median': 2.5, 'low': 2.0, 'high': 3.0, 'n': 2}
    """
    return [run.seconds / other.seconds for run, other in zip(rounds[name], rounds[reference], strict=True)]


def difference(name, results, expected, tolerance=TOLERANCE):
    """The largest distance between two lists of losses or rewards.

    Raises:
        Mismatch: if it is above the tolerance, or one of the lists is longer: then they did not do the same work.

    >>> difference("fast", [0.5, 0.25], [0.5, 0.25])
    0.0
    >>> difference("fast", [0.5, 0.3], [0.5, 0.25])
    Traceback (most recent call last):
        ...
    book.measured.how_fast.timing.Mismatch: fast: result 2 of 2 is 0.300000, and should be 0.250000 to within 1e-05
    """
    if len(results) != len(expected) or not expected:
        raise Mismatch(f"{name}: {len(results)} results, and should be {len(expected)}")
    for number, (result, right) in enumerate(zip(results, expected, strict=True), start=1):
        if not abs(result - right) <= tolerance:  # NaN is no match either
            raise Mismatch(
                f"{name}: result {number} of {len(results)} is {result:.6f}, and should be {right:.6f} to within {tolerance}"
            )
    return max(abs(result - right) for result, right in zip(results, expected, strict=True))


def compare(contenders, repeats, units, memory=1):
    """Time the contenders in turn, the first of which is the reference, and check that all computed the same.

    Args:
        contenders: a list of `Contender`.
        repeats: rounds.
        units: what one run gets through, such as 96 pairs: for units per second.
        memory: how often each is run in a process of its own, for its start-up and its peak memory; 0 is never.

    Returns:
        {name: {"seconds", "per_second", "ratio", "difference", "time_only", "refused", "start_up", "peak_mib"}}.
        `ratio` is its time over the reference's, round by round. A contender that computed something else has
        `refused`, a sentence, and neither times nor a ratio.
    """
    reference = contenders[0]
    rounds = interleaved({contender.name: contender.run for contender in contenders}, repeats)
    expected = rounds[reference.name][0].results
    measured = {}
    for contender in contenders:
        found = {"time_only": contender.time_only, "refused": None, "difference": None}
        try:
            alone = [contender.alone() for _ in range(memory)]
            if not contender.time_only:
                everything = [run.results for run in rounds[contender.name]] + [run["results"] for run in alone]
                found["difference"] = max(difference(contender.name, results, expected) for results in everything)
        except Mismatch as error:
            print(f"REFUSED  {error}", file=sys.stderr)
            measured[contender.name] = found | {"refused": str(error)}
            continue
        seconds = [run.seconds for run in rounds[contender.name]]
        found |= {"seconds": spread(seconds), "per_second": spread([units / value for value in seconds])}
        found["ratio"] = spread(ratios(rounds, contender.name, reference.name))
        if alone:
            found |= {name: spread([run[name] for run in alone]) for name in ("start_up", "peak_mib")}
        measured[contender.name] = found
    return measured


# --- memory


def peak_mib():
    """The most memory that this process has held at once, in MiB.

    Linux hands the peak of the parent down to `ru_maxrss` of a child, so there the program's own is read instead.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB; on a Mac, bytes
        return peak / (1024**2 if sys.platform == "darwin" else 1024)


def main(module, folder, options, started):
    """What a new process does: run one contender, and print when its first step was done and its peak memory."""
    run = importlib.import_module(f"{HERE}.{module}").run(Path(folder), **json.loads(options))
    found = {"start_up": run.first - float(started), "peak_mib": peak_mib(), "results": run.results}
    print(json.dumps(found))


# --- the machine


def machine():
    """Processor, threads and versions: what a number means nothing without. No names and no paths."""
    import torch

    versions = {name: version(name) for name in ("torch", "transformers", "accelerate", "trl")}
    load = os.getloadavg()[0]
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "vector": torch.backends.cpu.get_cpu_capability(),
        "blas": "MKL" if torch.backends.mkl.is_available() else "OpenBLAS or other",
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        **versions,
        "load": round(load, 2),
        "busy": load > 0.5,
    }


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def version(package):
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(package).split("+")[0]
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main(*sys.argv[1:])
