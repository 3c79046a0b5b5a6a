// Colour scales: stops of equal distance, from 0 to 1. Viridis and cividis: Smith & van der Walt; Nunez et al. 2018.
const STOPS = {
  viridis: ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"],
  cividis: ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"],
  difference: ["#053061", "#2f79b5", "#9fcbe1", "#f7f7f7", "#f6b48f", "#d6604d", "#67001f"],
  probability: ["#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"],
  ends: ["#0072b2", "#56b4e9", "#9aa0a8", "#e69f00", "#d55e00"],
};
const NOT_OBSERVED = [200, 202, 206];

const rgbOf = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const RGB = Object.fromEntries(Object.entries(STOPS).map(([name, stops]) => [name, stops.map(rgbOf)]));

function colourOf(name, part) {
  if (Number.isNaN(part)) return NOT_OBSERVED;
  const stops = RGB[name];
  const place = Math.min(Math.max(part, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  return stops[low].map((value, at) => value + (place - low) * (stops[low + 1][at] - value));
}

const hexOf = (rgb) => "#" + rgb.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("");

// The colours of each scale as pixels, 256 steps and one for what is not known.
const STEPS = 255;
const PALETTES = Object.fromEntries(Object.keys(STOPS).map((name) => {
  const bytes = new Uint8ClampedArray(4 * (STEPS + 2));
  for (let step = 0; step <= STEPS; step++) bytes.set([...colourOf(name, step / STEPS), 255], 4 * step);
  bytes.set([...NOT_OBSERVED, 255], 4 * (STEPS + 1));
  return [name, new Uint32Array(bytes.buffer)];
}));

function placeOnScale(part) {
  return Number.isNaN(part) ? STEPS + 1 : Math.round(Math.min(Math.max(part, 0), 1) * STEPS);
}

// A legend: the scale between its least and its greatest number.
function showScale(holder, { scale, low, high, unit, reverse = false }) {
  const bar = document.createElement("i");
  bar.style.background = `linear-gradient(to ${reverse ? "left" : "right"}, ${STOPS[scale].join(", ")})`;
  holder.replaceChildren(`${low} `, bar, ` ${high} ${unit}`);
}
