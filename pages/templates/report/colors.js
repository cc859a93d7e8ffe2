// Colors, from variables of the style sheet, which alone distinguishes light and dark mode.
//
// Message types have the colors of Okabe and Ito, which color-blind people can tell apart. The most
// frequent types come first. If there are more types than colors, lines are dashed.

const KIND_COLORS = 8;
let colors = {};

function readColors() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  const named = ["paper", "raised", "ink", "faint", "line", "strong-line", "accent", "invalid",
    "invalid-paper", "mark", "fault", "on-bar"];
  colors = Object.fromEntries(named.map((name) => [name, of(name)]));
  colors.kinds = Array.from({ length: KIND_COLORS }, (_, at) => of(`kind-${at}`));
  colors.outcomes = ["ok", "fail", "info"].map(of);
}

// Rank of each message type in the order of colors.
let kindRank = [];

function rankKinds() {
  const count = new Array(data.kinds.length).fill(0);
  for (let at = 0; at < messages.count; at++) {
    count[messages.kind[at]] += messages.betweenServers[at] ? 1000 : 1;
  }
  const order = count.map((_, kind) => kind).sort((a, b) => count[b] - count[a] || a - b);
  kindRank = [];
  order.forEach((kind, rank) => { kindRank[kind] = rank; });
}

function kindColor(kind) {
  return colors.kinds[kindRank[kind] % KIND_COLORS];
}

function kindDash(kind) {
  return [[], [6, 3], [2, 2]][Math.floor(kindRank[kind] / KIND_COLORS) % 3];
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  readColors();
  changed();
});
