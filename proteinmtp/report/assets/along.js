// Confidence and lDDT along the sequence, as lines; a bar follows the residue that is pointed at.
const SVG = "http://www.w3.org/2000/svg";

function svgElement(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

class Along {
  constructor(figure, onResidue) {
    this.figure = figure;
    this.length = 0;
    this.residue = 0;
    figure.addEventListener("pointermove", (event) => {
      const box = figure.getBoundingClientRect();
      const place = Math.floor(((event.clientX - box.left) / box.width) * this.length);
      if (this.length) onResidue(Math.min(Math.max(place, 0), this.length - 1));
    });
    figure.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step || !this.length) return;
      event.preventDefault();
      onResidue(Math.min(Math.max(this.residue + step, 0), this.length - 1));
    });
  }

  draw(chain, run) {
    this.length = chain.length;
    const of = chain.of.get(run);
    this.figure.setAttribute("viewBox", `0 0 ${chain.length} 100`);
    const lines = [25, 50, 75].map((height) =>
      svgElement("line", { x1: 0, x2: chain.length, y1: height, y2: height, class: "grid" }));
    this.bar = svgElement("rect", { x: 0, y: 0, width: 1, height: 100, class: "here", visibility: "hidden" });
    const curves = [["lddt", of.lddt], ["confidence", of.confidence]].filter(([, values]) => values);
    this.figure.replaceChildren(...lines, this.bar, ...curves.map(([name, values]) =>
      svgElement("path", { d: pathOf(values), class: name, fill: "none" })));
  }

  unmark() {
    this.residue = 0;
    this.bar?.setAttribute("visibility", "hidden");
  }

  mark(residue) {
    this.residue = residue;
    this.bar?.setAttribute("x", residue);
    this.bar?.setAttribute("visibility", "visible");
  }
}

// A line through the middles of residues, broken where nothing is known; one residue between two unknown is a dot.
function pathOf(values) {
  let path = "";
  let open = false;
  values.forEach((value, at) => {
    if (!Number.isNaN(value)) path += open ? `L${at + 0.5},${100 - value}` : `M${at + 0.5},${100 - value}h0.01`;
    open = !Number.isNaN(value);
  });
  return path;
}
