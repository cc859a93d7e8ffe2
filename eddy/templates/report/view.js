// The canvas: how large it is, and what is drawn on it in which order.

const canvas = document.getElementById("view");
let drawMilliseconds = 0;
let visibleMessages = 0;

// Gives the canvas as much room as there is. Where fingers scroll, the page does, and so the view
// has its full height; elsewhere it fits into the window, and its panes scroll.
function resize() {
  const pen = canvas.getContext("2d");
  const width = canvas.parentElement.clientWidth;
  const fingers = matchMedia("(pointer: coarse)").matches;
  layout.width = width;
  measureGutter(pen);
  arrange(width, fingers ? 4000 : innerHeight * 0.82);
  fitCanvas(canvas, width, layout.height);
  changed();
}

// As many pixels as the screen has.
function fitCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.style.height = `${height}px`;
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
}

function draw() {
  const began = performance.now();
  const { width, height, upper, lower } = layout;
  const pen = canvas.getContext("2d");
  pen.fillStyle = colors.paper;
  pen.fillRect(0, 0, width, height);
  inPane(pen, upper, () => drawShades(pen, upper));
  inPane(pen, lower, () => drawShades(pen, lower));
  drawLines(pen);
  inPane(pen, upper, () => drawOperations(pen));
  inPane(pen, lower, () => { visibleMessages = drawMessages(pen); });
  drawNames(pen, upper, (line) => String(operations.lanes[line]));
  drawNames(pen, lower, (line) => data.participants[layout.shown[line]].name);
  if (upper.lines) drawBand(pen, AXIS, BAND, "operations, by client thread");
  const bandTop = layout.faultsTop - BAND;
  drawBand(pen, bandTop, lower.top - bandTop, "messages");
  drawFaultBars(pen);
  drawAxis(pen);
  drawOverview();
  tellWhatIsShown();
  drawMilliseconds = performance.now() - began;
}
