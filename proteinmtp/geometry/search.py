"""The best superposition of model and native, for the TM-score and for GDT; compiled by numba.

Both scores are greatest values over all superpositions, which only a search can find. Zhang & Skolnick (2004) start
from fragments of several lengths at every place, superpose the chain on each, keep the pairs of points that then lie
close, superpose on those, and repeat. That is done here for both scores, so that none ends below theirs; sets of points
that occurred before are not looked at again.

The best fragments are then climbed from. The TM-score is a sum of 1 / (1 + d^2 / d0^2), which is convex in d^2, so
that superposing with its slope for weights, (1 + d^2 / d0^2)^-2, never lowers it. The number of pairs within a cutoff c
has no slope; the sum of 1 / (1 + (d / c)^8) has one and is nearly that number, which is counted on the way.

One superposition follows the other, and the points of a pair stay in the processor's cache. The same search on whole
arrays of superpositions, in torch, took four times as long on a CPU.
"""

import math

import numpy as np

from proteinmtp.geometry.compiled import compiler

ITERATIONS = 20

FARTHEST = np.float32(1e4)
"""Greatest d^2 / c^2 that is told from greater ones; the fourth power of that is still a number."""

FLOOR = np.float32(0.02)
"""Least weight, before scaling, of a pair of points far within a cutoff: it counts already, but holds others."""

NEWTON_STEPS, SUMS = 30, 17

compiled, inlined = compiler(fastmath=True), compiler(fastmath=True, inline=True)


@inlined
def optimal_motion(sums: np.ndarray, motion: np.ndarray) -> None:
    """Write the optimal rotation R (9, row by row) and shift t (3): R x + t is as close to y as can be.

    The rotation belongs to the largest eigenvalue of a symmetric 4 x 4 matrix (Horn 1987), which Newton's method finds
    on the characteristic polynomial (Theobald 2005). Where the points do not decide, lying on one line, it is none.

    Parameters:
        sums: (SUMS) weighted sums of 1, x, y, y x^T and |x|^2 + |y|^2.
        motion: (12) output.
    """
    count = max(sums[0], 1e-9)
    x0, x1, x2 = sums[1] / count, sums[2] / count, sums[3] / count
    y0, y1, y2 = sums[4] / count, sums[5] / count, sums[6] / count
    xx, yx, zx = sums[7] / count - y0 * x0, sums[8] / count - y0 * x1, sums[9] / count - y0 * x2
    xy, yy, zy = sums[10] / count - y1 * x0, sums[11] / count - y1 * x1, sums[12] / count - y1 * x2
    xz, yz, zz = sums[13] / count - y2 * x0, sums[14] / count - y2 * x1, sums[15] / count - y2 * x2
    a, b, c, d = xx + yy + zz, yz - zy, zx - xz, xy - yx
    e, f, g, h, i, j = xx - yy - zz, xy + yx, zx + xz, yy - xx - zz, yz + zy, zz - xx - yy
    square = xx * xx + xy * xy + xz * xz + yx * yx + yy * yy + yz * yz + zx * zx + zy * zy + zz * zz
    determinant = xx * (yy * zz - yz * zy) - xy * (yx * zz - yz * zx) + xz * (yx * zy - yy * zx)
    quadratic, linear = -2 * square, -8 * determinant
    s0, s1, s2, s3, s4, s5 = a * e - b * b, a * f - b * c, a * g - b * d, b * f - e * c, b * g - e * d, c * g - f * d
    t0, t1, t2, t3, t4, t5 = c * g - d * f, c * i - d * h, c * j - d * i, f * i - g * h, f * j - g * i, h * j - i * i
    constant = s0 * t5 - s1 * t4 + s2 * t3 + s3 * t2 - s4 * t1 + s5 * t0
    # Two bounds from above: of three singular values with this norm, and of a fit without error.
    fit = 0.5 * (sums[16] / count - x0 * x0 - x1 * x1 - x2 * x2 - y0 * y0 - y1 * y1 - y2 * y2)
    value = min(math.sqrt(3 * square), fit * (1 + 1e-4))
    for _ in range(NEWTON_STEPS):
        squared = value * value
        p = (squared + quadratic) * value
        q = p + linear
        slope = 2 * squared * value + p + q
        if slope <= 0:
            break
        change = (q * value + constant) / slope
        value -= change
        if abs(change) <= 1e-7 * value:
            break
    a, e, h, j = a - value, e - value, h - value, j - value
    s0, s1, s2, s3, s4, s5 = a * e - b * b, a * f - b * c, a * g - b * d, b * f - e * c, b * g - e * d, c * g - f * d
    t3, t4, t5 = f * i - g * h, f * j - g * i, h * j - i * i
    t1, t2 = c * i - d * h, c * j - d * i
    # The adjugate has rank one: any of its columns is the eigenvector, unless it is too short to be exact.
    size = square * math.sqrt(square)
    w, u, v, z = e * t5 - f * t4 + g * t3, f * t2 - b * t5 - g * t1, b * t4 - e * t2 + g * t0, e * t1 - b * t3 - f * t0
    length = w * w + u * u + v * v + z * z
    for column in range(1, 4):
        if length > 0.01 * size * size:
            break
        if column == 1:
            w1, u1 = c * t4 - b * t5 - d * t3, a * t5 - c * t2 + d * t1
            v1, z1 = b * t2 - a * t4 - d * t0, a * t3 - b * t1 + c * t0
        elif column == 2:
            w1, u1 = g * s5 - i * s4 + j * s3, i * s2 - d * s5 - j * s1
            v1, z1 = d * s4 - g * s2 + j * s0, g * s1 - d * s3 - i * s0
        else:
            w1, u1 = h * s4 - f * s5 - i * s3, c * s5 - h * s2 + i * s1
            v1, z1 = f * s2 - c * s4 - i * s0, c * s3 - f * s1 + h * s0
        other = w1 * w1 + u1 * u1 + v1 * v1 + z1 * z1
        if other > length:
            w, u, v, z, length = w1, u1, v1, z1, other
    if length > 1e-20 * size * size:
        scale = 1 / math.sqrt(length)
        w, u, v, z = w * scale, u * scale, v * scale, z * scale
    else:
        w, u, v, z = 1.0, 0.0, 0.0, 0.0
    r00, r01, r02 = 1 - 2 * (v * v + z * z), 2 * (u * v - w * z), 2 * (u * z + w * v)
    r10, r11, r12 = 2 * (u * v + w * z), 1 - 2 * (u * u + z * z), 2 * (v * z - w * u)
    r20, r21, r22 = 2 * (u * z - w * v), 2 * (v * z + w * u), 1 - 2 * (u * u + v * v)
    motion[0], motion[1], motion[2] = r00, r01, r02
    motion[3], motion[4], motion[5] = r10, r11, r12
    motion[6], motion[7], motion[8] = r20, r21, r22
    motion[9] = y0 - (r00 * x0 + r01 * x1 + r02 * x2)
    motion[10] = y1 - (r10 * x0 + r11 * x1 + r12 * x2)
    motion[11] = y2 - (r20 * x0 + r21 * x1 + r22 * x2)


@inlined
def squares(points: np.ndarray, motion: np.ndarray, out: np.ndarray) -> None:
    """Write the squared distances (N) of the superposed points; points as `prepare` gives them."""
    r00, r01, r02, r10, r11, r12, r20, r21, r22, t0, t1, t2 = motion
    for n in range(points.shape[1]):
        p = r00 * points[0, n] + r01 * points[1, n] + r02 * points[2, n] + t0 - points[3, n]
        q = r10 * points[0, n] + r11 * points[1, n] + r12 * points[2, n] + t1 - points[4, n]
        r = r20 * points[0, n] + r21 * points[1, n] + r22 * points[2, n] + t2 - points[5, n]
        out[n] = p * p + q * q + r * r


@inlined
def count_within(square: np.ndarray, best: np.ndarray, within: np.ndarray) -> None:
    """Raise the greatest numbers of points (5) within each cutoff of GDT."""
    c0 = c1 = c2 = c3 = c4 = np.int32(0)
    s0, s1, s2, s3, s4 = within
    for n in range(square.shape[0]):
        s = square[n]
        c0 += np.int32(s <= s0)
        c1 += np.int32(s <= s1)
        c2 += np.int32(s <= s2)
        c3 += np.int32(s <= s3)
        c4 += np.int32(s <= s4)
    best[0], best[1], best[2] = max(best[0], c0), max(best[1], c1), max(best[2], c2)
    best[3], best[4] = max(best[3], c3), max(best[4], c4)


@inlined
def measure(
    square: np.ndarray, cutoff: float, scale: np.float32, keys: np.ndarray, best: np.ndarray, within: np.ndarray
) -> tuple[np.float32, np.float32, np.int64]:
    """Do what `count_within` does, sum up the TM-score and choose the points within a cutoff.

    The cutoff is widened by half angstroms until there are three. One pass for all is 2 % of a pair's time faster.

    Returns:
        The sum of 1 / (1 + d^2 scale), the square of the cutoff, and a number that stands for the set of chosen points:
        its size and the sum of its keys.
    """
    limit = np.float32(cutoff * cutoff)
    c0 = c1 = c2 = c3 = c4 = count = key = np.int32(0)
    total = np.float32(0)
    s0, s1, s2, s3, s4 = within
    for n in range(square.shape[0]):
        s = square[n]
        c0 += np.int32(s <= s0)
        c1 += np.int32(s <= s1)
        c2 += np.int32(s <= s2)
        c3 += np.int32(s <= s3)
        c4 += np.int32(s <= s4)
        count += np.int32(s <= limit)
        key += keys[n] if s <= limit else np.int32(0)
        total += 1 / (1 + s * scale)
    best[0], best[1], best[2] = max(best[0], c0), max(best[1], c1), max(best[2], c2)
    best[3], best[4] = max(best[3], c3), max(best[4], c4)
    if count < 3 and square.shape[0] > 2:
        third = np.sqrt(np.partition(square, 2)[2])
        wider = cutoff + 0.5 * np.ceil((third - cutoff) / 0.5)
        limit = np.float32(wider * wider * 1.000001)
        count, key = np.int32(0), np.int32(0)
        for n in range(square.shape[0]):
            count += np.int32(square[n] <= limit)
            key += keys[n] if square[n] <= limit else np.int32(0)
    return total, limit, (np.int64(count) << 32) ^ np.int64(key)


@inlined
def weighted_sums(points: np.ndarray, weights: np.ndarray, out: np.ndarray) -> None:
    """Write the sums (SUMS) over points of weight times 1, x, y, y x^T and |x|^2 + |y|^2."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = np.float32(0)
    p0 = p1 = p2 = p3 = p4 = p5 = p6 = p7 = p8 = np.float32(0)
    for n in range(points.shape[1]):
        weight = weights[n]
        a, b, c = weight * points[0, n], weight * points[1, n], weight * points[2, n]
        s0 += weight
        s7 += weight * points[6, n]
        s1 += a
        s2 += b
        s3 += c
        s4 += weight * points[3, n]
        s5 += weight * points[4, n]
        s6 += weight * points[5, n]
        p0 += points[3, n] * a
        p1 += points[3, n] * b
        p2 += points[3, n] * c
        p3 += points[4, n] * a
        p4 += points[4, n] * b
        p5 += points[4, n] * c
        p6 += points[5, n] * a
        p7 += points[5, n] * b
        p8 += points[5, n] * c
    out[0], out[1], out[2], out[3], out[4], out[5], out[6] = s0, s1, s2, s3, s4, s5, s6
    out[7], out[8], out[9], out[10], out[11], out[12], out[13], out[14], out[15] = p0, p1, p2, p3, p4, p5, p6, p7, p8
    out[16] = s7


@inlined
def is_new(table: np.ndarray, key: np.int64) -> bool:
    """Put a key that is not 0 into an open hash table, a power of two in size; False if it was there."""
    mask = table.shape[0] - 1
    place = (key ^ (key >> 29)) & mask
    while table[place] != 0:
        if table[place] == key:
            return False
        place = (place + 1) & mask
    table[place] = key
    return True


@inlined
def larger(table: np.ndarray) -> np.ndarray:
    """Return a hash table four times the size with the same keys; see `is_new`."""
    table_of_keys = np.zeros(4 * table.shape[0], np.int64)
    for key in table:
        if key != 0:
            is_new(table_of_keys, key)
    return table_of_keys


@inlined
def greatest_of(values: np.ndarray, count: int) -> np.ndarray:
    """Return where the greatest so many values are, rising; the first of equals."""
    least = np.partition(values, len(values) - count)[len(values) - count]
    above = np.int64(0)
    for value in values:
        above += np.int64(value > least)
    room = count - above
    places = np.zeros(count, np.int64)
    chosen = 0
    for place in range(len(values)):
        if chosen < count and (values[place] > least or (values[place] == least and room > 0)):
            room -= np.int64(values[place] == least)
            places[chosen] = place
            chosen += 1
    return places


@compiled
def search(
    points: np.ndarray,
    cumulative: np.ndarray,
    lengths: np.ndarray,
    keys: np.ndarray,
    cutoff: float,
    d0: float,
    within: np.ndarray,
    best: np.ndarray,
) -> tuple[np.float32, np.ndarray, np.ndarray]:
    """Search as Zhang & Skolnick do, from the fragments of the given lengths.

    Parameters:
        points: (7, N) float32, as `prepare` gives them.
        cumulative: (N + 1, SUMS) float64, sums of the products up to each point.
        lengths: of the fragments.
        keys: (N) random int32.
        cutoff: angstrom; pairs closer than this and one more are superposed next.
        d0: angstrom.
        within: (5) float32, squares of the cutoffs of GDT.
        best: (5) int32, greatest numbers of points within them; raised.

    Returns:
        The greatest sum of 1 / (1 + d^2 / d0^2), the first and the next point (S, 2) of each fragment, and what the
        superposition on each is worth (6, S): points within the cutoffs of GDT, the sum breaking ties, and that sum.
    """
    size = points.shape[1]
    number = 0
    for length in lengths:
        number += size - length + 1
    fragments, worth = np.empty((number, 2), np.int32), np.empty((6, number), np.float32)
    square, weights = np.empty(size, np.float32), np.empty(size, np.float32)
    sums, motion, fragment = np.empty(SUMS, np.float32), np.empty(12, np.float32), np.empty(SUMS, np.float64)
    counts = np.empty(5, np.int32)
    table = np.zeros(1 << 12, np.int64)
    scale, greatest = np.float32(1 / (d0 * d0)), np.float32(0)
    used, at = 0, 0
    for length in lengths:
        for start in range(size - length + 1):
            for n in range(SUMS):
                fragment[n] = cumulative[start + length, n] - cumulative[start, n]
            optimal_motion(fragment, motion)
            squares(points, motion, square)
            counts[:] = 0
            total, limit, key = measure(square, cutoff - 1, scale, keys, counts, within)
            greatest = max(greatest, total)
            fragments[at, 0], fragments[at, 1], worth[5, at] = start, start + length, total
            for n in range(5):
                worth[n, at] = counts[n] + total / (size + 1)
                best[n] = max(best[n], counts[n])
            at += 1
            for _ in range(ITERATIONS):
                if not is_new(table, key):
                    break
                used += 1
                if 2 * used > table.shape[0]:
                    table = larger(table)
                for n in range(size):
                    weights[n] = np.float32(square[n] <= limit)
                weighted_sums(points, weights, sums)
                optimal_motion(sums, motion)
                squares(points, motion, square)
                total, limit, key = measure(square, cutoff + 1, scale, keys, best, within)
                greatest = max(greatest, total)
    return greatest, fragments, worth


@compiled
def climb(
    points: np.ndarray,
    cumulative: np.ndarray,
    fragments: np.ndarray,
    worth: np.ndarray,
    widths: np.ndarray,
    radius: float,
    sharp: bool,
    within: np.ndarray,
    best: np.ndarray,
) -> np.float32:
    """Return the greatest sum of 1 / (1 + d^2 / r^2), or of 1 / (1 + d^8 / r^8), uphill from the worthiest fragments.

    Parameters:
        points, cumulative, within, best: as in `search`.
        fragments, worth: (S, 2) and (S), as `search` returns them.
        widths: superpositions followed in each step.
        radius: r, angstrom.
        sharp: whether the power is 8.
    """
    size = points.shape[1]
    order = greatest_of(worth, min(len(worth), widths[0]))
    count = len(order)
    sums = np.empty((count, SUMS), np.float64)
    for row in range(count):
        sums[row] = cumulative[fragments[order[row], 1]] - cumulative[fragments[order[row], 0]]
    square, weights, motion = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(12, np.float32)
    score, narrow = np.empty(count, np.float32), np.empty(SUMS, np.float32)
    scale, greatest = np.float32(1 / (radius * radius)), np.float32(0)
    for turn in range(len(widths) + 1):
        for row in range(count):
            optimal_motion(sums[row], motion)
            squares(points, motion, square)
            total = np.float32(0)
            if sharp:
                count_within(square, best, within)
                for n in range(size):
                    ratio = min(square[n] * scale, FARTHEST)
                    cube = ratio * ratio * ratio
                    closeness = 1 / (1 + cube * ratio)
                    total += closeness
                    weights[n] = (cube + FLOOR) * closeness * closeness
            else:
                for n in range(size):
                    closeness = 1 / (1 + square[n] * scale)
                    total += closeness
                    weights[n] = closeness * closeness
            score[row] = total
            greatest = max(greatest, total)
            weighted_sums(points, weights, narrow)
            sums[row] = narrow
        if turn < len(widths) and widths[turn] < count:
            count = widths[turn]
            sums = sums[greatest_of(score[: len(sums)], count)]
    return greatest


@compiled
def prepare(model: np.ndarray, native: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return centred points (7, N): x, y and |x|^2 + |y|^2, and running sums (N + 1, SUMS) for `optimal_motion`."""
    size = len(model)
    points, running = np.empty((7, size), np.float32), np.zeros((size + 1, SUMS))
    centre = np.zeros(6)
    for n in range(size):
        for axis in range(3):
            centre[axis] += model[n, axis] / size
            centre[3 + axis] += native[n, axis] / size
    for n in range(size):
        running[n + 1, 0] = n + 1
        square = 0.0
        for axis in range(3):
            x, y = model[n, axis] - centre[axis], native[n, axis] - centre[3 + axis]
            points[axis, n], points[3 + axis, n] = x, y
            square += x * x + y * y
            running[n + 1, 1 + axis] = running[n, 1 + axis] + x
            running[n + 1, 4 + axis] = running[n, 4 + axis] + y
            for other in range(3):
                product = y * (model[n, other] - centre[other])
                running[n + 1, 7 + 3 * axis + other] = running[n, 7 + 3 * axis + other] + product
        points[6, n] = square
        running[n + 1, 16] = running[n, 16] + square
    return points, running
