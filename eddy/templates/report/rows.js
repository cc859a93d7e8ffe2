// Who has which line. From above: the axis, the operations of each client thread, the faults, and
// the messages of each participant. Lines shrink until all fit; below a height at which they could
// be read, each of the two panes scrolls by itself.

const AXIS = 24;
const BAND = 20;
const FAULT_LANE = 17;

const layout = {
  width: 0,
  height: 0,
  gutter: 0,
  // Each pane: where it is, how high a line of it is, how far it is scrolled, how many lines.
  upper: { top: 0, height: 0, line: 0, scroll: 0, lines: 0 },
  lower: { top: 0, height: 0, line: 0, scroll: 0, lines: 0 },
  faultsTop: 0,
  // The line of each participant, or -1; and who is on each line.
  lineOf: [],
  shown: [],
};

function isShown(participant) {
  return data.participants[participant].kind !== "client" || state.allClients
    || state.clients.has(participant);
}

// Gives everybody a line, and tells how high the whole is. Without `available`, as high as it likes.
function arrange(width, available) {
  const { upper, lower } = layout;
  layout.width = width;
  layout.shown = data.participants.map((_, at) => at).filter(isShown);
  layout.lineOf = new Int32Array(data.participants.length).fill(-1);
  layout.shown.forEach((participant, line) => { layout.lineOf[participant] = line; });
  upper.lines = operations.lanes.length;
  lower.lines = layout.shown.length;

  const rest = AXIS + (upper.lines ? BAND : 0) + BAND + faultLanes.count * FAULT_LANE + 6;
  const [most, least] = [{ upper: 20, lower: 56 }, { upper: 11, lower: 16 }];
  // If a little more than that lets everybody fit, it is taken.
  const needed = upper.lines * least.upper + lower.lines * least.lower;
  const room = Math.max(Math.min(needed, available * 1.15 - rest), available - rest, 320);
  const share = upper.lines ? Math.min(0.4, upper.lines * most.upper / room) : 0;
  const fit = (pane, room, { most, least }) => {
    pane.line = Math.min(most, Math.max(least, room / Math.max(1, pane.lines)));
    pane.height = Math.min(pane.lines * pane.line, Math.max(room, pane.line));
  };
  const forUpper = Math.max(room * share, Math.min(room - lower.lines * least.lower, upper.lines * least.upper));
  fit(upper, forUpper, { most: most.upper, least: least.upper });
  fit(lower, room - upper.height, { most: most.lower, least: least.lower });

  upper.top = AXIS + (upper.lines ? BAND : 0);
  layout.faultsTop = upper.top + upper.height + BAND;
  lower.top = layout.faultsTop + faultLanes.count * FAULT_LANE;
  layout.height = lower.top + lower.height + 6;
  for (const pane of [upper, lower]) scroll(pane, 0);
}

// Scrolls a pane by so many pixels, as far as it goes.
function scroll(pane, by) {
  const most = Math.max(0, pane.lines * pane.line - pane.height);
  pane.scroll = Math.min(Math.max(pane.scroll + by, 0), most);
}

// Scrolls a pane so that a line is inside.
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

function timeX(time) {
  const scale = (layout.width - layout.gutter) / (state.until - state.from);
  return layout.gutter + (time - state.from) * scale;
}

function xTime(x) {
  const scale = (state.until - state.from) / (layout.width - layout.gutter);
  return state.from + (x - layout.gutter) * scale;
}
