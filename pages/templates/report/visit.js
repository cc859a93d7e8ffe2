// Navigation to a message or operation: the window moves to it, and its tooltip opens.

// Opens the tooltip of the next or previous message or operation, and moves the window if
// necessary. With `wraps`, the first follows the last.
function step(what, by, wraps = false) {
  const column = columnOf(what);
  const first = column.spans.before(state.from);
  const isThere = state.hovered?.what === what;
  let at = nextSeen(what, isThere ? state.hovered.at : by > 0 ? first - 1 : first, by);
  if (at < 0 && wraps) at = nextSeen(what, by > 0 ? -1 : column.count, by);
  if (at >= 0) visit({ what, at });
}

// Moves a message or operation into the window and opens its tooltip.
function visit(thing) {
  const column = columnOf(thing.what);
  const [from, until] = [column.begin[thing.at], column.end[thing.at]];
  const span = state.until - state.from;
  if (until - from > span) showAround(from, until);
  else if (from < state.from || until > state.until) {
    show((from + until - span) / 2, (from + until + span) / 2);
  }
  if (thing.what === "message") {
    reveal(layout.lower, layout.lineOf[messages.src[thing.at]]);
    reveal(layout.lower, layout.lineOf[messages.dest[thing.at]]);
  } else reveal(layout.upper, operations.lane[thing.at]);
  const point = thing.what === "message" ? placeOfMessage(thing.at) : placeOfOperation(thing.at);
  if (point) showTooltip(thing, point.x, point.y, true);
}

// The middle of the visible part of a message's arrow, in window coordinates; or null.
function placeOfMessage(at) {
  const line = messages.passes[at] ? arrow(at) : null;
  if (!line || messages.begin[at] > state.until || messages.end[at] < state.from) return null;
  const { x0, y0, x1, y1 } = line;
  const { lower } = layout;
  const parts = [
    partBetween(x0, x1, layout.gutter, layout.width),
    partBetween(y0, y1, lower.top, lower.top + lower.height),
  ];
  const [first, last] = [Math.max(parts[0][0], parts[1][0]), Math.min(parts[0][1], parts[1][1])];
  if (first > last) return null;
  const part = (first + last) / 2;
  const [x, y] = [x0 + part * (x1 - x0), y0 + part * (y1 - y0)];
  const isLoop = messages.src[at] === messages.dest[at];
  return onPage(lower, x, isLoop ? y + lower.line * 0.45 : y);
}

// The middle of the visible part of an operation's bar.
function placeOfOperation(at) {
  if (operations.begin[at] > state.until || operations.end[at] < state.from) return null;
  const { left, right, top, height } = bar(at);
  const x = (Math.max(left, layout.gutter) + Math.min(right, layout.width)) / 2;
  return onPage(layout.upper, x, top + height / 2);
}

function onPage(pane, x, y) {
  if (!isInside(pane, y)) return null;
  const box = canvas.getBoundingClientRect();
  return { x: box.left + x, y: box.top + y };
}
