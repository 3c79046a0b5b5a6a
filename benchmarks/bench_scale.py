"""What stages cost for each chain, what their tables take on disk, and how long Snakemake takes to see what is left.

Rates are the difference between two numbers of chains, so that starting a process does not count, in seconds of
processors, so that other work on the machine counts little. Stages that are not linear are told by a second rate, of
more chains. The chains are synthetic (`scale_data.py`), the model is tiny: a stage that runs it costs what the model
costs. From the rates follows what any number of chains takes, in hours of one core; docs/scale.md has more of it.
"""

import argparse
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import scale_dag
from scale_stages import Case

CHAINS = (2_000, 20_000, 100_000)
FEW, SOME, MORE = 200, 1_000, 4_000
"""Chains of which rates are measured; the last for stages whose time may grow faster than their chains."""
SHARDS = {20_000: 64, 100_000: 256}
"""Of dry-runs, for so many structure files."""
LINEAR = ("parse", "distances", "chirality", "fit_null", "predict", "predict_null", "reconstruct", "evaluate")
FASTER = ("split",)
TENTH = ("predict", "predict_null", "reconstruct")
"""Stages that are given the tested tenth of the chains; their rates are for each of these."""


@dataclass(frozen=True)
class Rate:
    """Seconds of processors that a stage takes to start, and for each chain."""

    stage: str
    start: float
    chain: float

    def hours(self, chains: int) -> float:
        """Return hours of one core for so many chains of a data set, a tenth of them tested."""
        worked_on = chains / 10 if self.stage in TENTH else chains
        return (self.start + self.chain * worked_on) / 3600


def rate_of(stage: str, few: Case, many: Case) -> Rate:
    """Return the rate between two numbers of chains."""
    worked_on = (many.count - few.count) / (10 if stage in TENTH else 1)
    before, after = few.peak(stage).cpu, many.peak(stage).cpu
    chain = max(0.0, after - before) / worked_on
    return Rate(stage, max(0.0, before - chain * few.count / (10 if stage in TENTH else 1)), chain)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chains", type=int, nargs="+", default=CHAINS, help="data sets that hours are told of")
    parser.add_argument("--only", choices=["stages", "dag"], help="half of it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if arguments.only != "dag":
            stages(Path(name), arguments.chains)
        if arguments.only != "stages":
            dag(Path(name), arguments.chains)


def stages(folder: Path, chains: list[int]) -> None:
    cases = {count: Case(folder / str(count), count) for count in (FEW, SOME, MORE)}
    columns = "".join(f"{count:>14,} chains" for count in chains)
    print(f"{'processors':14} {'start':>7} {'a chain':>10} {columns}", flush=True)
    for stage in (*LINEAR, *FASTER):
        rate = rate_of(stage, cases[FEW], cases[SOME])
        hours = "".join(f"{rate.hours(count):>19.2f} h" for count in chains)
        later = ""
        if stage in FASTER:
            faster = rate_of(stage, cases[SOME], cases[MORE])
            later = f"; from {SOME:,} to {MORE:,} chains {1000 * faster.chain:.2f} ms each"
        print(f"{stage:14} {rate.start:5.1f} s {1000 * rate.chain:7.2f} ms {hours}{later}", flush=True)
    print("\non disk, bytes for each chain:")
    for what, size in cases[SOME].bytes_per_chain().items():
        print(f"{what:14} {size:10,.0f}")


def dag(folder: Path, chains: list[int]) -> None:
    print("\nSnakemake", "files", "shards", "what", "seconds", "of processors", "MB", "load", sep="\t", flush=True)
    for files in chains:
        if files in SHARDS:
            for look in scale_dag.looks(folder / f"dag{files}", files=files, shards=SHARDS[files]):
                numbers = f"{look.seconds:.1f}\t{look.cpu:.1f}\t{look.megabytes:.0f}\t{os.getloadavg()[0]:.1f}"
                print("", files, SHARDS[files], look.what, numbers, sep="\t", flush=True)


if __name__ == "__main__":
    main()
