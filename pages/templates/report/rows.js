// Layout of lines. From above: the axis, the operations of each client thread, the faults, and the
// messages of each participant. Lines shrink until all fit; below a readable height, each of the
// two panes scrolls by itself.

const AXIS = 24;
const BAND = 20;
const FAULT_LANE = 17;

const layout = {
  width: 0,
  height: 0,
  gutter: 0,
  // Each pane: position, height of a line, scroll position, number of lines.
  upper: { top: 0, height: 0, line: 0, scroll: 0, lines: 0 },
  lower: { top: 0, height: 0, line: 0, scroll: 0, lines: 0 },
  faultsTop: 0,
  // The line of each participant, or -1; and the participant on each line.
  lineOf: [],
  shown: [],
};

function isShown(participant) {
  return data.participants[participant].kind !== "client" || state.allClients
    || state.clients.has(participant);
}

// Assigns the lines, within so many pixels. On touch screens the page scrolls and panes cannot: the
// view becomes as high as it must, with lines high enough to be touched.
function arrange(width, available, forFingers) {
  const { upper, lower } = layout;
  layout.width = width;
  layout.shown = data.participants.map((_, at) => at).filter(isShown);
  layout.lineOf = new Int32Array(data.participants.length).fill(-1);
  layout.shown.forEach((participant, line) => { layout.lineOf[participant] = line; });
  upper.lines = operations.lanes.length;
  lower.lines = layout.shown.length;

  const rest = AXIS + (upper.lines ? BAND : 0) + BAND + faultLanes.count * FAULT_LANE + 6;
  const [most, least] = [
    { upper: 20, lower: 56 },
    forFingers ? { upper: 16, lower: 22 } : { upper: 11, lower: 16 },
  ];
  // If slightly more space lets all lines fit, it is taken.
  const needed = upper.lines * least.upper + lower.lines * least.lower;
  const stretched = forFingers ? needed : Math.min(needed, available * 1.15 - rest);
  const room = Math.max(stretched, available - rest, 320);
  const fit = (pane, room, most, least) => {
    pane.line = Math.min(most, Math.max(least, room / Math.max(1, pane.lines)));
    pane.height = Math.min(pane.lines * pane.line, Math.max(room, pane.line));
  };
  // Operations get two fifths of the spare space. If there is none, they get two fifths of all
  // space, and more only if messages leave it.
  const spare = room - needed;
  const forUpper = spare >= 0 ? upper.lines * least.upper + spare * 0.4
    : Math.max(room * 0.4, room - lower.lines * least.lower);
  fit(upper, forUpper, most.upper, least.upper);
  fit(lower, room - upper.height, most.lower, least.lower);

  upper.top = AXIS + (upper.lines ? BAND : 0);
  layout.faultsTop = upper.top + upper.height + BAND;
  lower.top = layout.faultsTop + faultLanes.count * FAULT_LANE;
  layout.height = Math.round(lower.top + lower.height + 6);
  for (const pane of [upper, lower]) scroll(pane, 0);
}

// Scrolls a pane by so many pixels, within its limits.
function scroll(pane, by) {
  const most = Math.max(0, pane.lines * pane.line - pane.height);
  pane.scroll = Math.min(Math.max(pane.scroll + by, 0), most);
}

// Scrolls a pane so that a line is visible.
function reveal(pane, line) {
  if (line < 0) return;
  const top = line * pane.line;
  if (top < pane.scroll) scroll(pane, top - pane.scroll);
  const below = top + pane.line - pane.height;
  if (below > pane.scroll) scroll(pane, below - pane.scroll);
}

// The middle of a line.
function lineY(pane, line) {
  return pane.top + (line + 0.5) * pane.line - pane.scroll;
}

function isInside(pane, y) {
  return y >= pane.top && y <= pane.top + pane.height;
}

// The part of the way from one number to another that is between two others, as its start and end
// from 0 to 1. If there is none, it ends before it starts.
function partBetween(from, to, least, most) {
  if (from === to) return from >= least && from <= most ? [0, 1] : [1, 0];
  const ends = [(least - from) / (to - from), (most - from) / (to - from)];
  return [Math.max(0, Math.min(...ends)), Math.min(1, Math.max(...ends))];
}

function timeX(time) {
  const scale = (layout.width - layout.gutter) / (state.until - state.from);
  return layout.gutter + (time - state.from) * scale;
}

function xTime(x) {
  const scale = (state.until - state.from) / (layout.width - layout.gutter);
  return state.from + (x - layout.gutter) * scale;
}
