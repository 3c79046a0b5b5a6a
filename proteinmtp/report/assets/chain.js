// One chain: its trace, its maps, what stands along its sequence, and what each run makes of it.
const panel = byId("chain");
let index = null;
let chain = null;
let asked = "";
let run = "";
const colourOfRun = new Map();

const views = {
  distances: new PairMap(byId("map-distances"), (i, j) => point(i, j)),
  second: new PairMap(byId("map-second"), (i, j) => point(i, j)),
  along: new Along(byId("along"), (at) => point(at, at)),
  trace: new TraceView(byId("trace"), (at) => point(at, at)),
};

async function loadIndex() {
  index = JSON.parse(await inflatedText("index"));
  index.names = index.chains.map(([id]) => id);
  index.placeOf = new Map(index.names.map((name, place) => [name, place]));
  for (const { name, colour } of index.runs) colourOfRun.set(name, colour);
}

// Opens a chain by its id; of the runs the given one, else the one that was looked at before, else the first.
async function openChain(id, wanted, { quiet = false, fromAddress = false } = {}) {
  if (!index) return;
  const place = index.placeOf.get(id);
  if (place === undefined || place >= index.opened) {
    byId("chain-message").textContent = place === undefined
      ? `No chain is called ${id}.`
      : `${id} is not among the ${index.opened} chains that can be opened.`;
    byId("chain-message").scrollIntoView({ block: "center" });
    return;
  }
  byId("chain-message").textContent = "";
  asked = id;
  if (chain?.id !== id) {
    const unpacked = await unpackedChain(`chain-${place}`);
    if (asked !== id) return; // another one was asked for in the meantime
    chain = unpacked;
    panel.hidden = false;
  }
  const there = index.runs.map(({ name }) => name).filter((name) => chain.of.has(name));
  run = [wanted, run].find((name) => there.includes(name)) ?? there[0];
  byId("chain-run").replaceChildren(...there.map((name) => element("option", { value: name, textContent: name })));
  byId("chain-run").value = run;
  const address = addressOf(id, run);
  // An address that was written another way is the same place, also for going back.
  if (location.hash !== address) history[fromAddress ? "replaceState" : "pushState"](null, "", address);
  showFacts(place);
  showPredictions(place, there);
  if (!quiet) {
    panel.scrollIntoView();
    byId("chain-name").focus({ preventScroll: true });
  }
  await showRun();
}

const addressOf = (id, of) => `#chain=${encodeURIComponent(id)}&run=${encodeURIComponent(of)}`;

function closeChain() {
  panel.hidden = true;
  chain = null;
  asked = "";
}

function showFacts(place) {
  const [, length, observed, cluster, nearest, identity] = index.chains[place];
  const found = nearest === null ? "no relative found in training" : `nearest in training: ${nearest}, ${identity} % identical`;
  byId("chain-name").textContent = chain.id;
  byId("chain-facts").textContent = `${length} residues, ${observed} of them observed; cluster ${cluster}${index.relatives ? `; ${found}` : ""}`;
  byId("chain-scores").textContent = [scoresText(place), errorText()].filter(Boolean).join(". ");
  byId("chain-before").disabled = place === 0;
  byId("chain-after").disabled = place === index.opened - 1;
}

async function showRun() {
  const { length } = chain;
  const first = distanceMap(chain, run);
  views.distances.draw(length, first.scale, first.part);
  showScale(byId("scale-distances"), first);
  showSecond();
  views.along.draw(chain, run);
  const of = chain.of.get(run);
  byId("along-key").textContent = of.confidence ? "" : `${run} says nothing of confidence.`;
  for (const option of byId("trace-colours").options) {
    option.disabled = option.value === "confidence" && !of.confidence;
  }
  if (byId("trace-colours").selectedOptions[0].disabled) byId("trace-colours").value = "ends";
  for (const axis of panel.querySelectorAll(".axis")) showAxis(axis);
  for (const view of [views.distances, views.second, views.along]) view.unmark();
  byId("readout").textContent = "Point at a map, the curves or the trace; on maps and curves the arrow keys move.";
  await showTrace(false);
}

// Numbers of residues below a picture: the first, the last, and round ones between them.
function showAxis(axis) {
  const step = [5, 10, 20, 50, 100, 200].find((size) => chain.length / size <= 6) ?? 500;
  const marked = [1, chain.length];
  for (let at = step; at < chain.length - step / 2; at += step) marked.push(at);
  axis.replaceChildren(...marked.map((number) => {
    const label = element("span", { textContent: number });
    label.style.left = `${(100 * (number - 0.5)) / chain.length}%`;
    return label;
  }));
}

// What the run makes of this chain, in a sentence.
function scoresText(place) {
  const row = index.rows.find(([of, at]) => of === place && index.runs[at].name === run);
  if (!row) return "";
  const scores = index.metrics.map((metric, at) => `${metric.title.replace(", Å", "")} ${toldScore(row[2 + at], metric)}`);
  const [confidence, flags] = row.slice(2 + index.metrics.length);
  const more = [
    ...(confidence === null ? [] : [`mean confidence ${confidence.toFixed(0)}`]),
    ...(flags.length ? [`marks: ${flags.join(", ")}`] : []),
  ];
  return `${run}: ${[...scores, ...more].join(", ")}`;
}

const toldScore = (value, metric) =>
  value === null ? "unknown" : value.toFixed(metric.digits) + (metric.title.endsWith("Å") ? " Å" : "");

// Where the trace is far from the experiment: stretches of residues, joined over gaps of one or two.
function errorText() {
  const far = [...Array(chain.length).keys()].filter((at) => offBy(chain, run, at) > FAR_OFF);
  const stretches = [];
  for (const at of far) {
    const last = stretches.at(-1);
    if (last && at - last[1] <= 3) last[1] = at;
    else stretches.push([at, at]);
  }
  const known = [...Array(chain.length).keys()].filter((at) => !Number.isNaN(offBy(chain, run, at))).length;
  if (!known) return "";
  if (!far.length) return `All ${known} residues are within ${FAR_OFF} Å of the experiment`;
  const named = stretches.map(([from, to]) => (from === to ? `${from + 1}` : `${from + 1}–${to + 1}`));
  const shown = named.length > 8 ? `${named.slice(0, 8).join(", ")} and ${named.length - 8} more stretches` : named.join(", ");
  return `${far.length} of ${known} residues are more than ${FAR_OFF} Å from the experiment: ${shown}`;
}

function showSecond() {
  for (const option of byId("map-kind").options) option.disabled = !SECOND_MAPS[option.value](chain, run);
  if (byId("map-kind").selectedOptions[0].disabled) byId("map-kind").value = "difference";
  const kind = byId("map-kind").value;
  const map = SECOND_MAPS[kind](chain, run);
  views.second.draw(chain.length, map.scale, map.part);
  showScale(byId("scale-second"), map);
  byId("map-second-note").textContent = { contact: "below the diagonal: contacts of the experiment" }[kind] ?? "";
}

async function showTrace(keepView) {
  const colours = byId("trace-colours").value;
  showScale(byId("scale-trace"), TRACE_COLOURS[colours].legend);
  try {
    await views.trace.show(chain, run, {
      colours, keepView, native: byId("trace-native").checked, predicted: byId("trace-predicted").checked,
    });
  } catch (error) {
    byId("trace-message").textContent = `The traces cannot be shown: ${error.message}.`;
  }
}

// Everything follows the pair of residues that is pointed at.
function point(i, j, { quiet = false } = {}) {
  for (const map of [views.distances, views.second]) map.mark(i, j);
  views.along.mark(j);
  if (!quiet) views.trace.mark(i, j);
  byId("readout").textContent = i === j ? residueText(i) : pairText(i, j);
}

const nameOf = (at) => `${chain.sequence[at]}${at + 1}`;
const told = (value, digits, unit = "") => (value === undefined || Number.isNaN(value) ? "unknown" : value.toFixed(digits) + unit);

function pairText(i, j) {
  const of = chain.of.get(run);
  const at = i * chain.length + j;
  const parts = [
    `experiment ${told(chain.of.get("").distances[at], 1, " Å")}`,
    `predicted ${told(of.distances[at], 1, " Å")}`,
    ...(of.sigma ? [`expected deviation ${told(of.sigma[at], 1, " Å")}`] : []),
    ...(of.contact ? [`probability of a contact ${told(100 * of.contact[at], 0, " %")}`] : []),
  ];
  return `${nameOf(i)} and ${nameOf(j)}: ${parts.join(", ")}`;
}

function residueText(at) {
  const of = chain.of.get(run);
  const parts = [
    ...(of.confidence ? [`confidence ${told(of.confidence[at], 0)}`] : []),
    `lDDT ${told(of.lddt?.[at], 0)}`,
    `${told(offBy(chain, run, at), 1, " Å")} from the experiment`,
  ];
  return `${nameOf(at)}: ${parts.join(", ")}`;
}

// A row for each run: what it makes of this chain, and its files.
function showPredictions(place, there) {
  const rows = index.rows.filter(([of]) => of === place);
  const body = byId("chain-predictions");
  body.replaceChildren(...there.map((name) => {
    const row = rows.find((item) => index.runs[item[1]].name === name);
    const show = element("button", { type: "button", textContent: name, className: "as-link" });
    show.addEventListener("click", () => openChain(chain.id, name));
    const swatch = element("span", { className: "swatch" });
    swatch.style.background = colourOfRun.get(name);
    const scores = index.metrics.map((metric, at) => row?.[2 + at]?.toFixed(metric.digits) ?? "–");
    const confidence = row?.[2 + index.metrics.length];
    const made = element("tr", {}, element("th", { scope: "row" }, swatch, show), thumbnail(name),
      ...[...scores, confidence?.toFixed(0) ?? "–"].map((text) => element("td", { className: "number", textContent: text })),
      element("td", {}, ...saveButtons(name)));
    made.classList.toggle("shown", name === run);
    return made;
  }), element("tr", {}, element("th", { scope: "row", textContent: "experiment" }),
    element("td", { colSpan: index.metrics.length + 2 }), element("td", {}, ...saveButtons(""))));
}

function thumbnail(name) {
  const holder = element("td", { className: "thumbnail" }, element("canvas", {}));
  holder.firstChild.setAttribute("role", "img");
  holder.firstChild.setAttribute("aria-label", `distances of the experiment, below, and of ${name}, above the diagonal`);
  const map = distanceMap(chain, name);
  PairMap.prototype.draw.call({ canvas: holder.firstChild }, chain.length, map.scale, map.part);
  return holder;
}

function saveButtons(owner) {
  return ["pdb", "mmCIF"].map((format) => {
    const button = element("button", { type: "button", textContent: format === "pdb" ? "PDB" : "mmCIF" });
    button.setAttribute("aria-label", `Save ${owner || "the experiment"} as ${format}`);
    button.addEventListener("click", () => saveStructure(chain, owner, format));
    return button;
  });
}

byId("chain-run").addEventListener("change", (event) => openChain(chain.id, event.target.value, { quiet: true }));
byId("map-kind").addEventListener("change", () => showSecond());
for (const id of ["trace-colours", "trace-native", "trace-predicted"]) {
  byId(id).addEventListener("change", () => showTrace(true));
}
byId("trace-reset").addEventListener("click", () => views.trace.reset());
byId("trace-nearer").addEventListener("click", () => views.trace.zoom(1.25));
byId("trace-farther").addEventListener("click", () => views.trace.zoom(0.8));
for (const [id, degrees, axis] of [["left", -15, "y"], ["right", 15, "y"], ["up", -15, "x"], ["down", 15, "x"]]) {
  byId(`trace-${id}`).addEventListener("click", () => views.trace.turn(degrees, axis));
}
for (const [id, step] of [["chain-before", -1], ["chain-after", 1]]) {
  byId(id).addEventListener("click", () => openChain(index.names[index.placeOf.get(chain.id) + step], run, { quiet: true }));
}
byId("chain-close").addEventListener("click", () => {
  closeChain();
  history.pushState(null, "", "#chains");
  byId("chains").scrollIntoView();
});
for (const format of ["pdb", "mmCIF"]) {
  byId(`save-${format.toLowerCase()}`).addEventListener("click", () => saveStructure(chain, run, format));
}
byId("save-residues").addEventListener("click", () => saveResidues(chain, run));
