// Messages as arrows, from the sender's line at the send to the receiver's line at the arrival.
//
// All arrows of a type are one path, since changing the pen costs more than drawing a line. Zoomed
// out, thousands fall on the same pixels: of messages with the same sender, receiver, type and fate
// that begin and end on the same pixels as the one before, only one is drawn.

// With more messages than this, lines are drawn by `raster.js`: without heads, which would hide
// each other, and less smoothly, but in time.
const SMOOTH = 1200;

const FATES = 4;

// Coordinates of a message's arrow, clipped to the pane, since a line of a billion pixels is drawn
// wrongly. Null if it is outside.
function arrow(at) {
  const from = layout.lineOf[messages.src[at]];
  const to = layout.lineOf[messages.dest[at]];
  if (from < 0 || to < 0) return null;
  const [x0, x1] = [timeX(messages.begin[at]), timeX(messages.end[at])];
  const [y0, y1] = [lineY(layout.lower, from), lineY(layout.lower, to)];
  const [left, right] = [layout.gutter - 40, layout.width + 40];
  if (x1 < left || x0 > right) return null;
  if (x0 >= left && x1 <= right) return { x0, y0, x1, y1, begins: true, ends: true };
  const y = (x) => y0 + (y1 - y0) * (x - x0) / (x1 - x0);
  const begins = x0 >= left;
  const ends = x1 <= right;
  return {
    x0: begins ? x0 : left, y0: begins ? y0 : y(left),
    x1: ends ? x1 : right, y1: ends ? y1 : y(right),
    begins, ends,
  };
}

// Draws the messages that pass the filters; returns their number, including those hidden by others.
function drawMessages(pen) {
  const pixels = new Map();
  const [plain, marked] = [[], []];
  let count = 0;
  messages.spans.touching(state.from, state.until, (at) => {
    if (!messages.passes[at]) return;
    count += 1;
    const list = messages.marked[at] ? marked : plain;
    const pair = messages.src[at] * data.participants.length + messages.dest[at];
    const ofKind = pair * data.kinds.length + messages.kind[at];
    const sort = (ofKind * FATES + messages.fate[at]) * 2 + messages.marked[at];
    const place = Math.round(timeX(messages.begin[at]) * 2) * 65536
      + Math.round(timeX(messages.end[at]) * 2);
    if (pixels.get(sort) === place) return;
    pixels.set(sort, place);
    list.push(at);
  });
  // The denser the lines, the fainter; and fainter still beside highlighted ones.
  const dense = Math.min(1, Math.max(0.55, 400 / (plain.length + 1)));
  pen.globalAlpha = data.contradictions[state.selected]?.messages.length > 0 ? 0.35 : 1;
  if (plain.length > SMOOTH) drawDense(pen, plain);
  else {
    pen.globalAlpha *= dense;
    drawArrows(pen, plain, 1);
  }
  pen.globalAlpha = 1;
  if (marked.length > SMOOTH) drawDense(pen, marked);
  else {
    underlay(pen, marked);
    drawArrows(pen, marked, 2.5);
  }
  return count;
}

function drawDense(pen, list) {
  rasterize(pen, layout.lower, list);
  drawCrosses(pen, list);
}

function drawHoveredMessage(pen, at) {
  if (messages.passes[at]) drawArrows(pen, [at], 3);
}

function drawArrows(pen, list, width) {
  const paths = new Map();
  for (const at of list) {
    const line = arrow(at);
    if (!line) continue;
    let path = paths.get(messages.kind[at]);
    if (!path) {
      path = { lines: new Path2D(), heads: new Path2D() };
      paths.set(messages.kind[at], path);
    }
    if (messages.src[at] === messages.dest[at]) addLoop(path.lines, line);
    else {
      path.lines.moveTo(line.x0, line.y0);
      path.lines.lineTo(line.x1, line.y1);
    }
    if (messages.fate[at] === 0 && line.ends) addHead(path.heads, line, 6 + width);
  }
  pen.lineWidth = width;
  for (const [kind, path] of paths) {
    pen.strokeStyle = pen.fillStyle = kindColor(kind);
    pen.setLineDash(kindDash(kind));
    pen.stroke(path.lines);
    pen.fill(path.heads);
  }
  pen.setLineDash([]);
  drawCrosses(pen, list);
}

// Crosses where messages were lost. Crosses at the same place are merged.
function drawCrosses(pen, list) {
  const size = list.length < SMOOTH ? 4 : 2.5;
  const path = new Path2D();
  const places = new Set();
  for (const at of list) {
    if (messages.fate[at] !== 1) continue;
    const line = arrow(at);
    const place = line && `${Math.round(line.x1)} ${line.y1}`;
    if (!line?.ends || places.has(place)) continue;
    places.add(place);
    addCross(path, line, size);
  }
  pen.strokeStyle = colors.invalid;
  pen.lineWidth = 1.75;
  pen.stroke(path);
}

// A broad line behind arrows, like a highlighter's.
function underlay(pen, list) {
  const path = new Path2D();
  for (const line of list.map(arrow)) {
    if (!line) continue;
    path.moveTo(line.x0, line.y0);
    path.lineTo(line.x1, line.y1);
  }
  pen.strokeStyle = colors.mark;
  pen.lineWidth = 9;
  pen.lineCap = "round";
  pen.stroke(path);
  pen.lineCap = "butt";
}

function addHead(path, { x0, y0, x1, y1 }, size) {
  const length = Math.hypot(x1 - x0, y1 - y0) || 1;
  const [along, across] = [(x1 - x0) / length, (y1 - y0) / length];
  if (length < size) return;
  path.moveTo(x1, y1);
  path.lineTo(x1 - along * size - across * size * 0.4, y1 - across * size + along * size * 0.4);
  path.lineTo(x1 - along * size + across * size * 0.4, y1 - across * size - along * size * 0.4);
}

function addCross(path, { x1, y1 }, size) {
  path.moveTo(x1 - size, y1 - size);
  path.lineTo(x1 + size, y1 + size);
  path.moveTo(x1 - size, y1 + size);
  path.lineTo(x1 + size, y1 - size);
}

// A message to oneself: an arc below the line.
function addLoop(path, { x0, y0, x1 }) {
  const middle = (x0 + x1) / 2;
  const depth = layout.lower.line * 0.6;
  path.moveTo(x0, y0);
  const [left, right] = [Math.min(x0, middle - 6), Math.max(x1, middle + 6)];
  path.bezierCurveTo(left, y0 + depth, right, y0 + depth, x1, y0);
}
