// Hands on the view: dragging pans, wheel and two fingers zoom about where they are, a click keeps
// the tooltip open, and keys do all of that.
//
// The page must stay scrollable. So the wheel zooms only once the view has been clicked into (it has
// the focus) or with Ctrl, which is also what touch pads send for a pinch; and one finger that moves
// up or down scrolls the page, which the style sheet's `touch-action` says.

const pointers = new Map();
let dragged = false;

function place(event) {
  const box = canvas.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function listenToPointers() {
  canvas.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, place(event));
    canvas.setPointerCapture(event.pointerId);
    if (pointers.size === 1) dragged = false;
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = place(event);
    const before = pointers.get(event.pointerId);
    if (!before) return void hover(event, now);
    if (!dragged && Math.hypot(now.x - before.x, now.y - before.y) < 4) return;
    dragged = true;
    if (!pinned) hideTooltip();
    if (pointers.size === 2) pinch(event.pointerId, before, now);
    else drag(before, now);
    pointers.set(event.pointerId, now);
  });
  canvas.addEventListener("pointerup", (event) => {
    const isClick = pointers.delete(event.pointerId) && !dragged && pointers.size === 0;
    if (isClick) click(event, place(event));
  });
  canvas.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => { if (!pinned) hideTooltip(); });
  canvas.addEventListener("dblclick", (event) => zoom(3, xTime(place(event).x)));
}

function hover(event, { x, y }) {
  const thing = near(x, y);
  canvas.style.cursor = thing ? "pointer" : "grab";
  if (pinned) return;
  if (thing) showTooltip(thing, event.clientX, event.clientY, false);
  else if (!tooltip.hidden) hideTooltip();
}

function click(event, { x, y }) {
  const thing = near(x, y);
  if (thing) showTooltip(thing, event.clientX, event.clientY, true);
  else hideTooltip();
}

function drag(before, now) {
  pan(xTime(before.x) - xTime(now.x));
  scroll(before.y < layout.faultsTop ? layout.upper : layout.lower, before.y - now.y);
}

function pinch(id, before, now) {
  const [other] = [...pointers].filter(([key]) => key !== id).map(([, point]) => point);
  const distance = (point) => Math.max(8, Math.abs(point.x - other.x));
  zoom(distance(now) / distance(before), xTime((now.x + other.x) / 2));
  pan(xTime(before.x) - xTime((before.x + now.x) / 2));
}

function listenToWheel() {
  canvas.addEventListener("wheel", (event) => {
    const { x, y } = place(event);
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const [across, down] = [event.deltaX * unit, event.deltaY * unit];
    if (Math.abs(across) > Math.abs(down)) pan(xTime(x + across) - xTime(x));
    else if (x < layout.gutter && scrolls(paneAt(y))) scroll(paneAt(y), down);
    else if (event.ctrlKey || event.metaKey || document.activeElement === canvas) {
      zoom(Math.exp(-down / (event.ctrlKey ? 120 : 400)), xTime(x));
    } else return;
    event.preventDefault();
    if (!pinned) hideTooltip();
    changed();
  }, { passive: false });
}

function paneAt(y) {
  return y < layout.faultsTop - BAND ? layout.upper : layout.lower;
}

function scrolls(pane) {
  return pane.lines * pane.line > pane.height + 1;
}

function listenToKeys() {
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const part = (state.until - state.from) * (event.shiftKey ? 0.8 : 0.15);
    const actions = {
      "+": () => zoom(1.5),
      "=": () => zoom(1.5),
      "-": () => zoom(1 / 1.5),
      ArrowLeft: () => pan(-part),
      ArrowRight: () => pan(part),
      ArrowUp: () => scroll(layout.lower, -layout.lower.line),
      ArrowDown: () => scroll(layout.lower, layout.lower.line),
      Home: () => showAll(),
      n: () => step(1),
      p: () => step(-1),
    };
    const isVertical = event.key === "ArrowUp" || event.key === "ArrowDown";
    if (!actions[event.key] || (isVertical && !scrolls(layout.lower))) return;
    event.preventDefault();
    actions[event.key]();
    changed();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hideTooltip();
  });
}

// The tooltip of the next message, or the one before. Moves the window there if need be.
function step(by) {
  const isMessage = state.hovered?.what === "message";
  const first = messages.spans.before(state.from);
  const at = nextMessage(isMessage ? state.hovered.at : by > 0 ? first - 1 : first, by);
  if (at >= 0) visit({ what: "message", at });
}

// Brings a message or an operation into the window, with its tooltip.
function visit(thing) {
  const column = thing.what === "message" ? messages : operations;
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

// The middle of what can be seen of a message's arrow, in the window's coordinates; or null.
function placeOfMessage(at) {
  const line = messages.passes[at] ? arrow(at) : null;
  if (!line || messages.begin[at] > state.until || messages.end[at] < state.from) return null;
  const { x0, y0, x1, y1 } = line;
  const [left, right] = [Math.max(x0, layout.gutter), Math.min(x1, layout.width)];
  const x = (left + right) / 2;
  const y = x1 > x0 ? y0 + (y1 - y0) * (x - x0) / (x1 - x0) : (y0 + y1) / 2;
  const isLoop = messages.src[at] === messages.dest[at];
  return onPage(layout.lower, x, isLoop ? y + layout.lower.line * 0.45 : y);
}

// The middle of what can be seen of an operation's bar.
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
