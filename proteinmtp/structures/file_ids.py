"""The ids of entries, from the names of their files."""

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

from proteinmtp.base.files import safe_id, text_sha256

SUFFIXES = (".pdb", ".ent", ".cif", ".mmcif")
HASH_DIGITS = 8
"""Of a hash, behind the names that several files share; more where that is the name of another."""


def stem_of(name: str) -> str | None:
    """Return the id in a file's name, or None if it is no structure file."""
    path = PurePosixPath(name[:-3] if name.lower().endswith(".gz") else name)
    return safe_id(path.stem) if path.suffix.lower() in SUFFIXES else None


def suffix_of(name: str) -> str:
    """Return the suffix of a structure file, with that of packing."""
    packed = name[-3:] if name.lower().endswith(".gz") else ""
    return PurePosixPath(name.removesuffix(packed)).suffix + packed


def distinct_ids(stems: Mapping[str, str], twins: Collection[str] = ()) -> dict[str, str]:
    """Return an id for each file: its stem, or that and a hash where several share it; capitals tell none apart.

    Parameters:
        stems: of each file, by its path relative to the source.
        twins: files that are listed as another one, packed. They always get a hash, so that the other is called as if
            they were not there.
    """
    count = Counter(stem.lower() for name, stem in stems.items() if name not in twins)
    taken = {stem for stem, files in count.items() if files == 1}
    ids = {}
    for name, stem in stems.items():
        ids[name] = stem
        if count[stem.lower()] > 1 or name in twins:
            digest = text_sha256(name)
            candidates = (f"{stem}-{digest[:size]}" for size in range(HASH_DIGITS, len(digest) + 1))
            ids[name] = next(word for word in candidates if word.lower() not in taken)
            taken.add(ids[name].lower())
    return ids
