"""Names and numbers as words, for labels and for the text alternatives of figures."""

from collections.abc import Mapping

from proteinmtp.base.metrics import Metric

NAMED = 8
"""Runs that a sentence names; of more it names the worst and the best."""


def shortened(name: str, longest: int = 18) -> str:
    """Return a name from data as it fits: a long one without its middle, dots for what cannot be printed."""
    name = "".join(letter if letter.isprintable() else "·" for letter in name)
    if len(name) <= longest:
        return name
    return f"{name[: longest - longest // 3 - 1]}…{name[-(longest // 3) :]}"


def listed(values: Mapping[str, float | None], metric: Metric, *, longest: int = 40) -> str:
    """Return runs with their numbers, of many the worst and the best, up to a full stop.

    Parameters:
        values: by run; those without a number are left out.
        metric: what the numbers are, which says how many decimals they have and which is the best.
        longest: letters of a name.
    """
    known = {run: value for run, value in values.items() if value is not None}
    digits = 1 if metric.lower_is_better else 2
    texts = {run: f"{shortened(run, longest)} {value:.{digits}f}" for run, value in known.items()}
    if len(known) <= NAMED:
        return f"{', '.join(texts.values()) or 'none'}."
    ordered = sorted(known, key=lambda run: known[run], reverse=metric.lower_is_better)
    return f"{len(known)} predictors from {texts[ordered[0]]} to {texts[ordered[-1]]}."


def time_unit(seconds: float) -> tuple[float, str]:
    """Return the unit in which a time is read best: its seconds and its name."""
    return next(((size, name) for size, name in ((3600.0, "h"), (60.0, "min")) if seconds >= 2 * size), (1.0, "s"))


def time_text(seconds: float) -> str:
    """Return a time with its unit."""
    size, name = time_unit(seconds)
    return f"{seconds / size:.{1 if seconds < 10 * size else 0}f} {name}"


def memory_unit(megabytes: float) -> tuple[float, str]:
    """Return the unit in which a size is read best: its megabytes and its name."""
    return (1024.0, "GB") if megabytes >= 1000 else (1.0, "MB")


def memory_text(megabytes: float | None) -> str:
    """Return a size with its unit."""
    if megabytes is None:
        return "not measured"
    size, name = memory_unit(megabytes)
    return f"{megabytes / size:.{1 if size > 1 else 0}f} {name}"
