// The trace of a run laid on that of the experiment, in one 3Dmol.js viewer for the whole page, made when it is needed.
const NATIVE_COLOUR = "#8a8f98";
const FARTHEST_OFF = 10; // angstrom, of the scale of errors
const FAR_OFF = 5; // angstrom, from which on residues are named

const TRACE_COLOURS = {
  ends: {
    legend: { scale: "ends", low: "first", high: "last", unit: "residue" },
    part: (chain, run, at) => at / Math.max(chain.length - 1, 1),
  },
  confidence: {
    legend: { scale: "viridis", low: "0", high: "100", unit: "expected lDDT" },
    part: (chain, run, at) => (chain.of.get(run).confidence?.[at] ?? NaN) / 100,
  },
  lddt: {
    legend: { scale: "viridis", low: "0", high: "100", unit: "lDDT" },
    part: (chain, run, at) => (chain.of.get(run).lddt?.[at] ?? NaN) / 100,
  },
  error: {
    legend: { scale: "viridis", low: "0", high: FARTHEST_OFF, unit: "Å and beyond", reverse: true },
    part: (chain, run, at) => 1 - offBy(chain, run, at) / FARTHEST_OFF,
  },
};

function offBy(chain, run, at) {
  const [ours, theirs] = [chain.of.get(run).coords, chain.of.get("").coords];
  return Math.hypot(...[0, 1, 2].map((axis) => ours[3 * at + axis] - theirs[3 * at + axis]));
}

class TraceView {
  constructor(holder, onResidue) {
    this.holder = holder;
    this.onResidue = onResidue;
    this.marks = [];
    // The wheel moves the page, as everywhere else; with Ctrl it comes nearer.
    holder.addEventListener("wheel", (event) => event.ctrlKey || event.stopPropagation(), { capture: true });
  }

  ready() {
    this.made ??= this.make();
    return this.made;
  }

  async make() {
    await runLibrary("library-3dmol");
    // 3Dmol follows the size of the holder by itself, but fails where there is none, in a chain that is closed.
    const { resize } = $3Dmol.GLViewer.prototype;
    $3Dmol.GLViewer.prototype.resize = function () {
      return this.container.clientWidth ? resize.call(this) : this;
    };
    // Nothing is painted behind the traces, so the ground is the page's, dark, light or paper. Only black vanishes at alpha 0.
    this.viewer = $3Dmol.createViewer(this.holder, { antialias: true, disableFog: true, backgroundColor: "black", backgroundAlpha: 0 });
    if (!this.viewer) throw new Error("the browser gave no WebGL context");
    this.viewer.setHoverDuration(50);
  }

  async show(chain, run, { colours, native, predicted, keepView }) {
    await this.ready();
    this.chain = chain;
    this.run = run;
    this.viewer.removeAllModels();
    this.viewer.removeAllShapes();
    this.marks = [];
    if (native) this.add(chain, "", () => NATIVE_COLOUR, 0.28);
    if (predicted) {
      const { legend, part } = TRACE_COLOURS[colours];
      this.add(chain, run, (at) => hexOf(colourOf(legend.scale, part(chain, run, at))), 0.4);
    }
    this.viewer.setHoverable({}, true, (atom) => this.onResidue(atom.resi - 1), () => {});
    if (!keepView) this.viewer.zoomTo();
    this.viewer.render();
  }

  // One model: sticks between neighbours in the sequence that are both known.
  add(chain, owner, colour, radius) {
    const { coords } = chain.of.get(owner);
    const known = [...Array(chain.length).keys()].filter((at) => !Number.isNaN(coords[3 * at]));
    const place = new Map(known.map((at, order) => [at, order]));
    const atoms = known.map((at, order) => {
      const bonds = [at - 1, at + 1].filter((other) => place.has(other)).map((other) => place.get(other));
      return {
        x: coords[3 * at], y: coords[3 * at + 1], z: coords[3 * at + 2], elem: "C", atom: "CA", chain: owner ? "P" : "E",
        resi: at + 1, resn: THREE_LETTERS[chain.sequence[at]] ?? "UNK", serial: order, index: order,
        bonds, bondOrder: bonds.map(() => 1), hetflag: false,
      };
    });
    const model = this.viewer.addModel();
    model.addAtoms(atoms);
    const colorfunc = (atom) => colour(atom.resi - 1);
    model.setStyle({}, { stick: { radius, colorfunc }, sphere: { radius, colorfunc } });
  }

  mark(...residues) {
    if (!this.viewer || !this.chain) return;
    for (const mark of this.marks) this.viewer.removeShape(mark);
    this.marks = [...new Set(residues)].flatMap((at) => ["", this.run].flatMap((owner) => {
      const [x, y, z] = this.chain.of.get(owner).coords.subarray(3 * at, 3 * at + 3);
      if (Number.isNaN(x)) return [];
      return [this.viewer.addSphere({ center: { x, y, z }, radius: 1.3, color: owner ? "#d55e00" : "#0072b2" })];
    }));
    this.viewer.render();
  }

  turn(degrees, axis) {
    this.viewer?.rotate(degrees, axis);
  }

  zoom(factor) {
    this.viewer?.zoom(factor);
  }

  reset() {
    this.viewer?.zoomTo();
    this.viewer?.render();
  }
}
