// Maps of residue pairs: one pixel a pair, enlarged by the browser; a cross follows the pair that is pointed at.
const FARTHEST_ERROR = 10; // angstrom, of the scale of differences

class PairMap {
  constructor(holder, onPair) {
    this.holder = holder;
    this.canvas = holder.querySelector("canvas");
    this.cross = [element("i", { className: "across" }), element("i", { className: "down" })];
    for (const line of this.cross) line.hidden = true;
    holder.append(...this.cross);
    this.length = 0;
    this.pair = [0, 0];
    this.canvas.addEventListener("pointermove", (event) => {
      const box = this.canvas.getBoundingClientRect();
      const place = (at, from, size) => Math.min(Math.max(Math.floor(((at - from) / size) * this.length), 0), this.length - 1);
      onPair(place(event.clientY, box.top, box.height), place(event.clientX, box.left, box.width));
    });
    this.canvas.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step || !this.length) return;
      event.preventDefault();
      const moved = this.pair.map((at, axis) => Math.min(Math.max(at + step[axis], 0), this.length - 1));
      onPair(...moved);
    });
  }

  // part(i, j) gives where a pair stands on the scale, 0 to 1.
  draw(length, scale, part) {
    this.length = length;
    this.canvas.width = this.canvas.height = Math.max(length, 1);
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(this.canvas.width, this.canvas.height);
    const palette = PALETTES[scale];
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0, at = 0; i < length; i++) {
      for (let j = 0; j < length; j++, at++) pixels[at] = palette[placeOnScale(part(i, j))];
    }
    context.putImageData(image, 0, 0);
  }

  unmark() {
    this.pair = [0, 0];
    for (const line of this.cross) line.hidden = true;
  }

  mark(i, j) {
    this.pair = [i, j];
    const place = (at) => `${(100 * (at + 0.5)) / this.length}%`;
    this.cross[0].style.top = place(i);
    this.cross[1].style.left = place(j);
    for (const line of this.cross) line.hidden = false;
  }
}

function greatest(...lists) {
  let most = 1;
  for (const list of lists) for (const value of list) if (value > most) most = value;
  return Math.ceil(most);
}

// The experiment below the diagonal, the prediction above it.
function distanceMap(chain, run) {
  const [ours, theirs] = [chain.of.get(run).distances, chain.of.get("").distances];
  const most = greatest(ours, theirs);
  const part = (i, j) => 1 - (i > j ? theirs : ours)[i * chain.length + j] / most;
  return { part, scale: "viridis", low: "0", high: most, unit: "Å", reverse: true };
}

// null: the run says nothing of it.
const SECOND_MAPS = {
  difference(chain, run) {
    const [ours, theirs] = [chain.of.get(run).distances, chain.of.get("").distances];
    const part = (i, j) => (ours[i * chain.length + j] - theirs[i * chain.length + j]) / (2 * FARTHEST_ERROR) + 0.5;
    return { part, scale: "difference", low: `−${FARTHEST_ERROR}`, high: `+${FARTHEST_ERROR}`, unit: "Å and beyond" };
  },
  sigma(chain, run) {
    const { sigma } = chain.of.get(run);
    if (!sigma) return null;
    const most = greatest(sigma);
    const part = (i, j) => sigma[i * chain.length + j] / most;
    return { part, scale: "cividis", low: "0", high: most, unit: "Å" };
  },
  contact(chain, run) {
    const { contact } = chain.of.get(run);
    if (!contact) return null;
    const theirs = chain.of.get("").distances;
    const touching = (value) => (Number.isNaN(value) ? NaN : Number(value < index.contact));
    const part = (i, j) => (i > j ? touching(theirs[i * chain.length + j]) : i === j ? 1 : contact[i * chain.length + j]);
    return { part, scale: "probability", low: "0", high: "100", unit: "%" };
  },
};
