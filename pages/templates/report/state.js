// State of the view: time window, filters, highlights. Changes are announced by `changed()`.
// However many there are, everything is drawn at most once per frame.

const state = {
  // The window, in microseconds.
  from: 0,
  until: 1,
  // True for each message type that is shown.
  kinds: [],
  // Text that bodies must contain.
  search: "",
  // Number of truncated bodies that may contain it beyond the part in the page.
  unread: 0,
  // True if all clients have a line, rather than only those of the selected contradiction.
  allClients: false,
  clients: new Set(),
  // True if only highlighted items are shown.
  only: false,
  // The selected contradiction, and its selected operation.
  selected: -1,
  operation: -1,
  // The item under the pointer: `{ what: "message" | "operation" | "fault", at }`, or null.
  hovered: null,
};

let data = null;
let messages = null;
let operations = null;
let drawing = 0;
let isStale = true;

function changed() {
  isStale = true;
  pointedElsewhere();
}

// Announces that only `hovered` has changed, so the rest need not be drawn again.
function pointedElsewhere() {
  if (!drawing && data) drawing = requestAnimationFrame(() => { drawing = 0; draw(); });
}

// The shortest window, over which the events of one microsecond are spread.
const NARROWEST = 1;

// Shows the window nearest to the requested one within the whole test.
function show(from, until) {
  const whole = wholeWindow();
  const span = Math.min(Math.max(until - from, NARROWEST), whole.until - whole.from);
  const middle = (from + until) / 2;
  const first = Math.min(Math.max(middle - span / 2, whole.from), whole.until - span);
  [state.from, state.until] = [first, first + span];
  changed();
}

function wholeWindow() {
  const margin = Math.max((data.end - data.begin) * 0.02, 10);
  return { from: data.begin - margin, until: data.end + margin };
}

// Shows a window around a span, with a margin.
function showAround(from, until) {
  const room = Math.max((until - from) * 0.15, 20);
  show(from - room, until + room);
}

// Zooms by a factor; `time` keeps its position.
function zoom(factor, time = (state.from + state.until) / 2) {
  const whole = wholeWindow();
  const span = state.until - state.from;
  const next = Math.min(Math.max(span / factor, NARROWEST), whole.until - whole.from);
  const from = time - (time - state.from) * next / span;
  show(from, from + next);
}

function pan(by) {
  show(state.from + by, state.until + by);
}
