// The page around the chains: sections, light and dark, the metric of the matrix, points of figures.
const root = document.documentElement;
const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function remembered(key, value) {
  try {
    if (value === undefined) return localStorage.getItem(key);
    localStorage.setItem(key, value);
  } catch {
    // A page from a file may not be allowed to remember; it works all the same.
  }
  return null;
}

const LIGHT = { ink: "#1f2430", soft: "#565d6b", line: "#d9dde4" };
const isDark = () =>
  (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

function setTheme(theme) {
  root.dataset.theme = theme;
  byId("theme").textContent = isDark() ? "Light" : "Dark";
}

byId("theme").addEventListener("click", () => {
  const theme = isDark() ? "light" : "dark";
  remembered("proteinmtp-theme", theme);
  setTheme(theme);
});
if (["light", "dark"].includes(remembered("proteinmtp-theme"))) setTheme(remembered("proteinmtp-theme"));
byId("theme").textContent = isDark() ? "Light" : "Dark";

const menu = byId("menu");
menu.addEventListener("click", () => {
  const open = menu.getAttribute("aria-expanded") !== "true";
  menu.setAttribute("aria-expanded", String(open));
  byId("sections").classList.toggle("open", open);
});
byId("sections").addEventListener("click", (event) => {
  if (event.target.closest("a")) {
    menu.setAttribute("aria-expanded", "false");
    byId("sections").classList.remove("open");
  }
});

// The section that is being read is marked in the list of sections.
const links = new Map([...document.querySelectorAll("#sections a")].map((link) => [link.hash.slice(1), link]));
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(entry.target.id)?.setAttribute("aria-current", "true");
  }
}, { rootMargin: "-20% 0px -70% 0px" });
for (const id of links.keys()) if (byId(id)) seen.observe(byId(id));

// What scrolls can be scrolled by keys.
for (const scrolled of document.querySelectorAll(".scroll, pre")) scrolled.tabIndex = 0;

for (const choice of document.querySelectorAll("input[name=matrix-metric]")) {
  choice.addEventListener("change", () => {
    for (const cell of document.querySelectorAll("#matrix [data-metric]")) {
      cell.hidden = cell.dataset.metric !== choice.value;
    }
  });
}

// What was asked for by an address stands open, also inside something folded.
function unfold() {
  const target = byId(location.hash.slice(1));
  for (let at = target; at; at = at.parentElement) if (at instanceof HTMLDetailsElement) at.open = true;
  target?.scrollIntoView();
}
addEventListener("hashchange", unfold);
if (location.hash) unfold();

byId("save-config").addEventListener("click", () => saveAs("config.json", byId("config").textContent, "application/json"));

// A panel of a figure as a file, in the colours of a light page.
for (const button of document.querySelectorAll("button.save-figure")) {
  button.addEventListener("click", () => {
    const copy = button.closest(".panel").querySelector("svg").cloneNode(true);
    const [, , width, height] = copy.getAttribute("viewBox").split(" ");
    copy.setAttribute("width", `${width}pt`);
    copy.setAttribute("height", `${height}pt`);
    const text = new XMLSerializer().serializeToString(copy).replace(/var\(--(ink|soft|line)\)/g, (_, name) => LIGHT[name]);
    saveAs(`${button.dataset.name}.svg`, text, "image/svg+xml");
  });
}

// A point of a figure is a chain of a run: its name is shown beside the pointer, and a click opens it.
const tip = byId("tip");
const points = JSON.parse(byId("points").textContent);

function chainOfPoint(target) {
  const point = target.closest?.("svg use");
  const group = point?.closest("g[id]");
  const of = group && points[group.id];
  if (!of) return null;
  const place = [...group.querySelectorAll("use")].indexOf(point);
  return { run: of.run, chain: of.chains[place] };
}

for (const figure of document.querySelectorAll(".panel")) {
  figure.addEventListener("pointermove", (event) => {
    const found = chainOfPoint(event.target);
    tip.hidden = !found?.chain;
    if (!found?.chain) return;
    tip.textContent = `${found.chain}, ${found.run}`;
    tip.style.left = `${Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${event.clientY + 14}px`;
  });
  figure.addEventListener("pointerleave", () => {
    tip.hidden = true;
  });
  figure.addEventListener("click", (event) => {
    const found = chainOfPoint(event.target);
    if (found?.chain) openChain(found.chain, found.run);
  });
}
