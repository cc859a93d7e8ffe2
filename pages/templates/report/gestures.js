// Gestures: dragging pans, wheel and pinch zoom around their position, a click keeps the tooltip
// open, and keys do the same.
//
// The page must stay scrollable. So the wheel zooms only if the view has the focus (after a click
// into it) or with Ctrl, which touch pads also send for a pinch. One finger that moves up or down
// scrolls the page, by the style sheet's `touch-action`.

const pointers = new Map();
let dragged = false;

function place(event) {
  const box = canvas.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function listenToPointers() {
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, place(event));
    canvas.setPointerCapture(event.pointerId);
    if (pointers.size === 1) dragged = false;
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = place(event);
    // The button was released where no event came, as over a menu.
    if (event.buttons === 0) pointers.delete(event.pointerId);
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
  for (const end of ["pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }
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
    const pane = event.shiftKey ? layout.upper : layout.lower;
    const actions = {
      "+": () => zoom(1.5),
      "=": () => zoom(1.5),
      "-": () => zoom(1 / 1.5),
      ArrowLeft: () => pan(-part),
      ArrowRight: () => pan(part),
      ArrowUp: () => scroll(pane, -pane.line),
      ArrowDown: () => scroll(pane, pane.line),
      Home: () => showAll(),
      n: () => step("message", 1),
      p: () => step("message", -1),
      o: () => step("operation", 1),
      O: () => step("operation", -1),
    };
    const isVertical = event.key === "ArrowUp" || event.key === "ArrowDown";
    if (!actions[event.key] || (isVertical && !scrolls(pane))) return;
    event.preventDefault();
    actions[event.key]();
    changed();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hideTooltip();
  });
}
