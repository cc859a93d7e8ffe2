// The strip above the view: the density of messages over the whole test, the faults and
// contradictions, and the window that the view shows.

const overview = document.getElementById("overview");
const OVERVIEW_HEIGHT = 40;
let density = { width: 0, counts: null };

// Messages that pass the filters are counted, again whenever the filters change.
function forgetDensity() {
  density = { width: 0, counts: null };
}

function countDensity(width) {
  const whole = wholeWindow();
  const counts = new Float64Array(Math.ceil(width) + 1);
  const scale = width / (whole.until - whole.from);
  for (let at = 0; at < messages.count; at++) {
    if (messages.passes[at]) counts[Math.floor((messages.begin[at] - whole.from) * scale)] += 1;
  }
  density = { width, counts };
}

function drawOverview() {
  const width = overview.parentElement.clientWidth;
  fitCanvas(overview, width, OVERVIEW_HEIGHT);
  if (density.width !== width) countDensity(width);
  const pen = overview.getContext("2d");
  const whole = wholeWindow();
  const x = (time) => (time - whole.from) / (whole.until - whole.from) * width;
  const bottom = OVERVIEW_HEIGHT;
  pen.fillStyle = colors.raised;
  pen.fillRect(0, 0, width, bottom);
  pen.fillStyle = colors.fault;
  pen.globalAlpha = 0.18;
  for (const { from, until } of data.faults) pen.fillRect(x(from), 0, x(until) - x(from), bottom);
  pen.globalAlpha = 1;
  // The square root keeps small counts visible beside large ones.
  const most = Math.sqrt(Math.max(1, ...density.counts));
  pen.fillStyle = colors.faint;
  density.counts.forEach((count, at) => {
    const height = Math.sqrt(count) / most * (bottom - 6);
    if (count) pen.fillRect(at, bottom - height, 1, height);
  });
  data.contradictions.forEach((contradiction, at) => {
    pen.fillStyle = colors.invalid;
    pen.globalAlpha = at === state.selected ? 1 : 0.5;
    const [from, until] = [x(contradiction.from), x(contradiction.until)];
    pen.fillRect(from, 0, Math.max(2, until - from), 3);
  });
  pen.globalAlpha = 1;
  const [left, right] = [x(state.from), x(state.until)];
  const seen = Math.max(3, right - left);
  pen.fillStyle = colors.paper;
  pen.globalAlpha = 0.6;
  pen.fillRect(0, 0, left, bottom);
  pen.fillRect(left + seen, 0, width - left - seen, bottom);
  pen.globalAlpha = 1;
  pen.strokeStyle = colors.accent;
  pen.lineWidth = 1.5;
  pen.strokeRect(left + 0.75, 0.75, seen - 1.5, bottom - 1.5);
}

// Dragging moves the window.
function followOverview() {
  const move = (event) => {
    const box = overview.getBoundingClientRect();
    const whole = wholeWindow();
    const time = whole.from + (event.clientX - box.left) / box.width * (whole.until - whole.from);
    const half = (state.until - state.from) / 2;
    show(time - half, time + half);
  };
  overview.addEventListener("pointerdown", (event) => {
    overview.setPointerCapture(event.pointerId);
    move(event);
  });
  overview.addEventListener("pointermove", (event) => {
    if (overview.hasPointerCapture(event.pointerId)) move(event);
  });
}
