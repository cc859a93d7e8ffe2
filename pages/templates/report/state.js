// What is to be seen: the window of time, what is filtered, what is highlighted. Whoever changes it
// says so with `changed()`, and however often that is, everything is drawn once per frame at most.

const state = {
  // The window, in microseconds.
  from: 0,
  until: 1,
  // Which kinds of messages are shown, by their numbers.
  kinds: [],
  // What bodies must contain.
  search: "",
  // How many bodies may contain it beyond their beginning, which is all that the page has of them.
  unread: 0,
  // Whether all clients have a line, or only those of the selected contradiction.
  allClients: false,
  clients: new Set(),
  // Whether only what is highlighted is shown.
  only: false,
  // The selected contradiction, and the operation among its rows.
  selected: -1,
  operation: -1,
  // What the pointer is at: `{ what: "message" | "operation" | "fault", at }`, or null.
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

// Says that only `hovered` has changed, for which the rest need not be drawn again.
function pointedElsewhere() {
  if (!drawing && data) drawing = requestAnimationFrame(() => { drawing = 0; draw(); });
}

// The finest window: what happened in the same microsecond is spread over it.
const NARROWEST = 1;

// Shows a window, as near to the one asked for as there is something to see.
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

// A window around a span, with some room on both sides.
function showAround(from, until) {
  const room = Math.max((until - from) * 0.15, 20);
  show(from - room, until + room);
}

// Zooms by a factor, so that what is at `time` stays where it is.
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
