"""`train.distances`: stored against computed, from files that are not in memory to batches.

Real chains of three ranges of length, parsed and their distances written by the stages. Each measurement is a process
of its own, in turns; the median. Before it the pages of its files are dropped (`posix_fadvise`), and the bytes that
then came from the disk (`/proc/self/io`) say whether that was so. Reading is what training does once at its start: all
chains, and with `stored` their triangles. A batch is 16 chains as training chooses and pads them, an epoch is all.
Memory is the growth of the process's resident memory to its highest. Linux only.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow
import torch
from measure_memory import begin, resident
from real_chains import ChainFiles, draw, shared_folder, write_shards

from proteinmtp.model.batch import collate
from proteinmtp.model.tiny import VOCABULARY
from proteinmtp.tables.chains import CHAINS, Chain, ChainSequence, read_chains
from proteinmtp.tables.shards import Shards
from proteinmtp.training.sampler import BatchSampler

RANGES = ((30, 128), (128, 256), (256, 512))
BATCH = 16
MB = 1e6
WAYS = ("computed", "stored")


def drop_from_memory(paths: list[Path]) -> None:
    """Drop the pages of files, which are written to the disk first, since only such pages can be dropped."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def from_disk() -> int:
    """Return the bytes that this process has had fetched from the disk."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("read_bytes"))


def encode(chain: Chain) -> list[int]:
    return [VOCABULARY[letter] for letter in chain.sequence]


def measure(way: str, files: ChainFiles) -> dict[str, float]:
    """Read all chains of cold files and make the batches of an epoch."""
    torch.set_num_threads(1)
    wanted = {row.chain_id for row in CHAINS.read_as(ChainSequence, *files.chains)}
    warm = read_chains(files.chains[:1], wanted, files.distances[:1])[:1]
    collate(warm, [encode(chain) for chain in warm])
    del warm
    pyarrow.default_memory_pool().release_unused()
    read = [*files.chains, *(files.distances if way == "stored" else ())]
    drop_from_memory([*files.chains, *files.distances])
    bytes_before, memory_before = from_disk(), begin(gpu=False)
    clock, processor = time.perf_counter(), time.process_time()
    chains = read_chains(files.chains, wanted, files.distances if way == "stored" else None)
    taken, computed = time.perf_counter() - clock, time.process_time() - processor
    fetched = from_disk() - bytes_before
    sampler = BatchSampler([len(chain) for chain in chains], batch_size=BATCH, seed=0)
    clock, processor = time.perf_counter(), time.process_time()
    for step in range(sampler.per_epoch):
        batch = [chains[index] for index in sampler.batch(step)]
        collate(batch, [encode(chain) for chain in batch])
    epoch, epoch_computed = time.perf_counter() - clock, time.process_time() - processor
    return {
        "chains": len(chains),
        "files": sum(path.stat().st_size for path in read) / MB,
        "fetched": fetched / MB,
        "reading": taken,
        "reading_cpu": computed,
        "batch": epoch_computed / sampler.per_epoch,
        "epoch": taken + epoch,
        "arrays": sum(chain.coords.nbytes + (0 if chain.triu is None else chain.triu.nbytes) for chain in chains) / MB,
        "memory": (resident("VmHWM") - memory_before) / MB,
    }


def in_child(way: str, files: ChainFiles) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", way, str(files.chains), str(files.distances)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    values: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return values


def medians(measured: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in measured) for name in measured[0]}


def line(name: str, way: str, values: dict[str, float]) -> str:
    return (
        f"{name:8} {way:9} {values['chains']:7.0f} {values['files']:8.1f} {values['fetched']:8.1f} "
        f"{values['reading']:9.3f} {values['reading_cpu']:9.3f} {1e3 * values['batch']:9.2f} {values['epoch']:9.3f} "
        f"{values['arrays']:9.1f} {values['memory']:9.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chains", type=int, default=256, help="of each range")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        way, chains, distances = asked.measure
        print(json.dumps(measure(way, ChainFiles(Shards.parse(chains), Shards.parse(distances)))))
        return
    print(f"{'residues':8} {'distances':9} {'chains':>7} {'files MB':>8} {'disk MB':>8} {'read s':>9} {'cpu s':>9} "
          f"{'batch ms':>9} {'epoch s':>9} {'arrays MB':>9} {'peak MB':>9}")  # fmt: skip
    for low, high in RANGES if shared_folder() else ((30, 512),):
        with tempfile.TemporaryDirectory() as name:
            files = write_shards(draw(Path(name), asked.chains, shortest=low, longest=high), Path(name))
            measured: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
            for _ in range(asked.rounds):
                for way in WAYS:
                    measured[way].append(in_child(way, files))
        computed, stored = (medians(measured[way]) for way in WAYS)
        print(line(f"{low}-{high}", "computed", computed), line("", "stored", stored), sep="\n")
        ratios = " ".join(
            f"{what} {stored[key] / computed[key]:.1f}"
            for key, what in (("files", "bytes"), ("reading", "reading"), ("batch", "batches"), ("memory", "memory"))
        )
        print(f"{'':8} stored / computed: {ratios}", flush=True)


if __name__ == "__main__":
    main()
