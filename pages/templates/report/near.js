// Finds the item at a point of the view. Only messages in flight near the point's time are
// examined, so the search is short however many there are.

const REACH = 7;

function near(x, y) {
  if (x < layout.gutter) return null;
  if (y >= layout.faultsTop && y < layout.lower.top) return nearFault(x, y);
  if (isInside(layout.upper, y)) return nearOperation(x, y);
  if (isInside(layout.lower, y)) return nearMessage(x, y) ?? nearShade(x, y);
  return null;
}

function nearMessage(x, y) {
  let best = null;
  let distance = REACH;
  let others = 0;
  messages.spans.touching(xTime(x - REACH), xTime(x + REACH), (at) => {
    if (!messages.passes[at]) return;
    const line = arrow(at);
    if (!line) return;
    const isLoop = messages.src[at] === messages.dest[at];
    const away = isLoop ? toLoop(line, x, y) : toLine(line, x, y);
    if (away < 2) others += 1;
    // Highlighted messages are preferred.
    const rank = away - (messages.marked[at] ? 3 : 0);
    if (away < REACH && rank < distance) [best, distance] = [at, rank];
  });
  return best === null ? null : { what: "message", at: best, others: Math.max(0, others - 1) };
}

// Distance of a point from a line.
function toLine({ x0, y0, x1, y1 }, x, y) {
  const [across, down] = [x1 - x0, y1 - y0];
  const length = across * across + down * down || 1;
  const part = Math.min(1, Math.max(0, ((x - x0) * across + (y - y0) * down) / length));
  return Math.hypot(x - x0 - part * across, y - y0 - part * down);
}

function toLoop({ x0, x1, y0 }, x, y) {
  const outside = Math.max(x0 - 6 - x, x - x1 - 6, 0);
  const depth = layout.lower.line * 0.5;
  return Math.hypot(outside, Math.max(0, y0 - y, y - y0 - depth));
}

function nearOperation(x, y) {
  let best = null;
  let distance = REACH;
  operations.spans.touching(xTime(x - REACH), xTime(x + REACH), (at) => {
    if (!isSeen("operation", at)) return;
    const { left, right, top, height } = bar(at);
    if (y < top - 1 || y > top + height + 1) return;
    const away = Math.max(left - x, x - right, 0);
    if (away < distance) [best, distance] = [at, away];
  });
  return best === null ? null : { what: "operation", at: best };
}

function nearFault(x, y) {
  const found = faultsInWindow().find((at) => {
    const { left, right, top, height } = faultBar(at);
    return x >= left - 2 && x <= right + 2 && y >= top && y <= top + height;
  });
  return found === undefined ? null : { what: "fault", at: found };
}

// A fault's shade, where nothing else is.
function nearShade(x, y) {
  const line = Math.floor((y - layout.lower.top + layout.lower.scroll) / layout.lower.line);
  const time = xTime(x);
  const found = data.faults.findIndex((fault) => fault.from <= time && time <= fault.until
    && fault.struck.includes(layout.shown[line]));
  return found < 0 ? null : { what: "fault", at: found };
}
