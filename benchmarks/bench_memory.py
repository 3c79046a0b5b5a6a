"""Peak memory of the stages over the number of chains: for ten times the chains none may need 1.2 times as much.

Each stage is the command that the workflow runs, in processes of its own (`scale_stages.py`). Memory is that of the
process and of those that it starts, MMseqs2 among them, added up and looked at every 20 ms.
"""

import argparse
import tempfile
from pathlib import Path

from scale_stages import STAGES, Case

SIZES = (2_000, 20_000)
BOUND = 1.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs=2, default=SIZES)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    arguments = parser.parse_args()
    small, large = arguments.sizes
    with tempfile.TemporaryDirectory() as name:
        cases = {count: Case(Path(name, str(count)), count) for count in (small, large)}
        print(f"{'':14} {small:>18} {large:>18}   ratio", flush=True)
        for stage in arguments.stages:
            few, many = (cases[count].peak(stage) for count in (small, large))
            ratio = many.all / few.all
            mark = "" if ratio <= BOUND else f"  more than {BOUND}"
            print(
                f"{stage:14} {few.all:6.0f} MB {few.seconds:6.1f} s {many.all:6.0f} MB {many.seconds:6.1f} s"
                f"   {ratio:.2f}; own process {few.own:.0f} and {many.own:.0f} MB, {many.own / few.own:.2f}{mark}",
                flush=True,
            )


if __name__ == "__main__":
    main()
