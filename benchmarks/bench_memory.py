"""Peak memory of a parse job over the number of its files: it must not grow with the corpus.

Each job is the command that the workflow runs, in a process of its own, on copies of the same files with changed ids.
"""

import gzip
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from proteinmtp.config import DemoSource
from proteinmtp.structures.listing import manifest_rows
from proteinmtp.structures.source import SourceFile
from proteinmtp.structures.sources.directory import list_folder
from proteinmtp.structures.synthetic import write_demo
from proteinmtp.tables.manifest import MANIFEST

ROOT = Path(__file__).resolve().parents[1]
SIZES = (2_000, 20_000)


def originals(scratch: Path) -> list[Path]:
    shared = Path(os.environ.get("PROTEINMTP_SHARED", Path(__file__).parents[2] / "shared")) / "data" / "entries"
    if not shared.is_dir():
        write_demo(scratch / "demo", DemoSource(), 0)
        return [file.path for file in list_folder(scratch / "demo")]
    files = []
    for file in list_folder(shared / "galaxywater"):
        copy = scratch / file.path.name.removesuffix(".gz")
        copy.write_bytes(gzip.decompress(file.path.read_bytes()))
        files.append(copy)
    return files


def peak_megabytes(files: list[Path], count: int, scratch: Path) -> float:
    """Parse `count` entries that point to `files` in turn, and return the peak memory of the job."""
    manifest = scratch / "manifest.parquet"
    entries = [SourceFile(f"e{n:06d}", files[n % len(files)]) for n in range(count)]
    MANIFEST.write(manifest, manifest_rows(entries, "directory"))
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stderr=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    command = [sys.executable, "-m", "pipeline", "parse", "--manifest", str(manifest)]
    command += ["--chains", str(scratch / "chains"), "--quarantine", str(scratch / "quarantine")]
    command += ["--options", '{"parse": {}}']
    done = subprocess.run(
        [sys.executable, "-c", script, *command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(done.stdout) / (1024 if sys.platform == "linux" else 1024**2)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        files = originals(Path(name))
        peaks = {count: peak_megabytes(files, count, Path(name)) for count in SIZES}
    for count, peak in peaks.items():
        print(f"{count:6} files: peak {peak:.0f} MB")
    print(f"ratio {peaks[SIZES[1]] / peaks[SIZES[0]]:.2f}")


if __name__ == "__main__":
    main()
