// The table of all chains of all runs.
let table = null;

const control = (name) => byId(`filter-${name}`);
const filters = {
  text: (row, value) => [row.chain, row.cluster].some((text) => text.toLowerCase().includes(value.toLowerCase())),
  run: (row, value) => row.run === value,
  shortest: (row, value) => row.length >= Number(value),
  longest: (row, value) => row.length <= Number(value),
  least: (row, value) => row.tm_score !== null && row.tm_score >= Number(value),
  most: (row, value) => row.tm_score !== null && row.tm_score <= Number(value),
  flag: (row, value) => (value === "none" ? row.flags.length === 0 : row.flags.includes(value)),
};

function passes(row) {
  return Object.entries(filters).every(([name, holds]) => control(name).value === "" || holds(row, control(name).value));
}

function rowsOfTable() {
  const names = index.metrics.map(({ name }) => name);
  return index.rows.map(([place, at, ...values], id) => {
    const [chainId, length, , cluster, , relative] = index.chains[place];
    const scores = Object.fromEntries(names.map((name, order) => [name, values[order]]));
    return {
      id, chain: chainId, run: index.runs[at].name, length, cluster, relative, ...scores,
      confidence: values[names.length], flags: values[names.length + 1].join(", "), opens: place < index.opened,
    };
  });
}

function chainCell(cell) {
  const { chain: id, run: of, opens } = cell.getRow().getData();
  if (!opens) return element("span", { textContent: id, title: "not among the chains that can be opened" });
  return element("a", { textContent: id, href: `#chain=${encodeURIComponent(id)}&run=${encodeURIComponent(of)}` });
}

function fixed(digits) {
  return (cell) => (cell.getValue() === null ? "–" : cell.getValue().toFixed(digits));
}

function showTable() {
  const number = { hozAlign: "right", headerHozAlign: "right", sorter: "number", sorterParams: { alignEmptyValues: "bottom" } };
  table = new Tabulator("#table", {
    data: rowsOfTable(), height: "26rem", layout: "fitDataFill", placeholder: "No chain fits the filters.",
    initialSort: [{ column: "tm_score", dir: "desc" }],
    columnDefaults: { headerSortTristate: false, resizable: "header" },
    columns: [
      { title: "chain", field: "chain", formatter: chainCell, width: 130, frozen: innerWidth > 700 },
      { title: "run", field: "run", width: 120 },
      ...index.metrics.map((metric) => ({
        title: metric.title, titleDownload: metric.name, field: metric.name, formatter: fixed(metric.digits), ...number,
        headerSortStartingDir: metric.lower ? "asc" : "desc", headerTooltip: metric.meaning,
      })),
      { title: "confidence", field: "confidence", formatter: fixed(1), ...number },
      { title: "residues", field: "length", ...number },
      { title: "in training, %", titleDownload: "identity_in_training", field: "relative", formatter: fixed(0), ...number,
        headerTooltip: "identity of the nearest training chain that was found" },
      { title: "marks", field: "flags" },
      { title: "cluster", field: "cluster", width: 130 },
    ],
  });
  table.on("tableBuilt", () => {
    nameGroups();
    table.setFilter(passes);
  });
  table.on("rowClick", (event, row) => {
    const { chain: id, run: of, opens } = row.getData();
    if (opens && !event.target.closest("a")) openChain(id, of);
  });
  table.on("dataFiltered", (_, rows) => {
    byId("table-count").textContent = `${rows.length.toLocaleString("en")} of ${index.rows.length.toLocaleString("en")} rows`;
  });
  for (const name of Object.keys(filters)) control(name).addEventListener("input", () => table.setFilter(passes));
  byId("filter-clear").addEventListener("click", () => {
    for (const name of Object.keys(filters)) control(name).value = "";
    table.setFilter(passes);
  });
  for (const link of document.querySelectorAll("a.filter")) {
    link.addEventListener("click", () => {
      for (const name of Object.keys(filters)) control(name).value = link.dataset[name] ?? "";
      table.setFilter(passes);
    });
  }
  byId("save-csv").addEventListener("click", () => table.download("csv", "chains.csv"));
}

// To a screen reader Tabulator's grid has groups of rows in something that scrolls, which a grid may not have: that is the
// group.
function nameGroups() {
  const grid = byId("table");
  grid.setAttribute("aria-label", "Chains");
  grid.removeAttribute("aria-owns");
  grid.querySelector(".tabulator-tableholder").setAttribute("role", "rowgroup");
  grid.querySelector(".tabulator-table").setAttribute("role", "none");
}

// Also where the reader goes back.
function fromAddress() {
  if (!location.hash.startsWith("#chain=")) {
    closeChain();
    return;
  }
  const asked = new URLSearchParams(location.hash.slice(1));
  openChain(asked.get("chain"), asked.get("run") ?? undefined, { fromAddress: true });
}

async function start() {
  if (!("DecompressionStream" in window)) {
    byId("chain-message").textContent = "This browser is too old to unpack the chains; their scores are in metrics.csv.";
    return;
  }
  await loadIndex();
  if (!index.rows.length) return;
  await runLibrary("library-tabulator");
  control("run").append(...index.runs.map(({ name }) => element("option", { value: name, textContent: name })));
  control("run").value = index.runs[0].name;
  showTable();
  addEventListener("hashchange", fromAddress);
  byId("table").addEventListener("click", (event) => {
    // Where the address is that of the chain that is open, it does not change.
    if (event.target.closest("a")?.hash === location.hash) fromAddress();
  });
  fromAddress();
}

start();
