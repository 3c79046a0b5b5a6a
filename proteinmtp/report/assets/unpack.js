// Reads what packing.py wrote: deflated, in base64; of a chain a JSON header, a line feed, and arrays.
const UNKNOWN = 255;
const NO_POSITION = -32768;
const FROM_BYTE = {
  distances: (value) => (value / 16) ** 2,
  sigma: (value) => 2 ** (value / 5) - 1,
  contact: (value) => value / 50,
  confidence: (value) => value / 2,
  lddt: (value) => value / 2,
};
const IN_PAIRS = ["distances", "sigma", "contact"];

async function inflated(id) {
  const text = document.getElementById(id).textContent;
  const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function inflatedText(id) {
  return new TextDecoder().decode(await inflated(id));
}

async function runLibrary(id) {
  const script = document.createElement("script");
  script.textContent = await inflatedText(id);
  document.head.append(script);
}

// A chain: id, sequence, and for "" (the experiment) and each run what is known of it.
async function unpackedChain(id) {
  const bytes = await inflated(id);
  const end = bytes.indexOf(10);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  const length = [...header.sequence].length;
  const chain = { id: header.id, sequence: header.sequence, length, of: new Map() };
  let at = end + 1;
  for (const part of header.parts) {
    const values = bytes.slice(at, at + part.bytes);
    at += part.bytes;
    const owner = part.run ?? "";
    if (!chain.of.has(owner)) chain.of.set(owner, {});
    const of = chain.of.get(owner);
    if (part.what === "off_trace") of.distances = numbers("distances", beside(of.coords, unsmoothed(values, length), length));
    else if (IN_PAIRS.includes(part.what)) of[part.what] = numbers(part.what, unsmoothed(values, length));
    else of[part.what] = part.what === "coords" ? positions(values) : numbers(part.what, values);
  }
  for (const of of chain.of.values()) of.distances ??= distancesOf(of.coords, length);
  return chain;
}

function positions(bytes) {
  return Float32Array.from(new Int16Array(bytes.buffer), (value) => (value === NO_POSITION ? NaN : value / 100));
}

function numbers(what, bytes) {
  const table = Float32Array.from({ length: 256 }, (_, value) => (value === UNKNOWN ? NaN : FROM_BYTE[what](value)));
  return Float32Array.from(bytes, (value) => table[value]);
}

// Distances as bytes, of what they have more than those of the trace; see _trace_bytes() in packing.py.
function beside(coords, off, length) {
  const points = Float64Array.from(coords, (value) => Math.round(100 * value));
  return off.map((value, at) => {
    const i = 3 * Math.floor(at / length);
    const j = 3 * (at % length);
    const square = (points[i] - points[j]) ** 2 + (points[i + 1] - points[j + 1]) ** 2 + (points[i + 2] - points[j + 2]) ** 2;
    if (i === j) return 0;
    return value + (Number.isNaN(square) ? UNKNOWN : Math.min(Math.floor(16 * Math.sqrt(Math.sqrt(square) / 100) + 0.5), UNKNOWN - 1));
  });
}

// The pairs i < j came less what their neighbours let expect, see smoothed() in packing.py; returns the whole matrix.
function unsmoothed(pairs, length) {
  const matrix = new Uint8Array(length * length);
  let at = 0;
  for (let i = 0; i < length; i++) {
    for (let j = i + 1; j < length; j++) {
      const here = i * length + j;
      const across = matrix[here - 1];
      let expected = across;
      if (i > 0) {
        const above = here - length;
        const along = matrix[above - 1];
        expected = along + medianWithZero(across - matrix[above - 2], across + matrix[above] - 2 * along);
      }
      matrix[here] = pairs[at++] + expected;
    }
  }
  for (let i = 0; i < length; i++) {
    for (let j = 0; j < i; j++) matrix[i * length + j] = matrix[j * length + i];
  }
  return matrix;
}

const medianWithZero = (first, second) =>
  Math.max(Math.min(first, second), Math.min(Math.max(first, second), 0));

function distancesOf(coords, length) {
  const matrix = new Float32Array(length * length);
  for (let i = 0; i < length; i++) {
    for (let j = 0; j < length; j++) {
      const x = coords[3 * i] - coords[3 * j];
      const y = coords[3 * i + 1] - coords[3 * j + 1];
      const z = coords[3 * i + 2] - coords[3 * j + 2];
      matrix[i * length + j] = Math.sqrt(x * x + y * y + z * z);
    }
  }
  return matrix;
}
