// The canvas: its size, and the order of drawing.

const canvas = document.getElementById("view");
// Copy of the view without the item under the pointer, made once the pointer is at an item.
const drawn = document.createElement("canvas");
let isCopied = false;
let drawMilliseconds = 0;
let visibleMessages = 0;

// Bounds beyond which browsers draw nothing on a canvas.
const MOST_PIXELS = 16e6;
const LONGEST = 32_767;

const forFingers = matchMedia("(pointer: coarse)");

// Resizes the canvas. On touch screens the page scrolls, so the view has its full height; elsewhere
// it fits into the window, and its panes scroll.
function resize() {
  const pen = canvas.getContext("2d");
  const width = canvas.parentElement.clientWidth;
  layout.width = width;
  measureGutter(pen);
  arrange(width, innerHeight * 0.82, forFingers.matches);
  fitCanvas(canvas, width, layout.height);
  changed();
}

// A phone's window changes its height as the page scrolls: there the view keeps its height.
function followWindow() {
  new ResizeObserver(resize).observe(canvas.parentElement);
  addEventListener("resize", () => { if (!forFingers.matches) resize(); });
  followScreen();
}

// Zooming the page or moving it to another screen changes the pixel ratio, not the width.
function followScreen() {
  const same = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
  same.addEventListener("change", () => { resize(); followScreen(); }, { once: true });
}

// Canvas pixels per page pixel: as many as on the screen, within the browsers' bounds.
function pixelRatio(width, height) {
  const most = Math.min(Math.sqrt(MOST_PIXELS / (width * height)), LONGEST / height);
  return Math.min(window.devicePixelRatio || 1, most);
}

function fitCanvas(canvas, width, height) {
  const ratio = pixelRatio(width, height);
  canvas.style.height = `${height}px`;
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
}

function draw() {
  const pen = canvas.getContext("2d");
  if (isStale) {
    const began = performance.now();
    drawAll(pen);
    [isStale, isCopied] = [false, false];
    drawMilliseconds = performance.now() - began;
  } else if (isCopied) restore(pen);
  if (!state.hovered) return;
  if (!isCopied) copy();
  drawHovered(pen);
}

function copy() {
  if (drawn.width !== canvas.width) drawn.width = canvas.width;
  if (drawn.height !== canvas.height) drawn.height = canvas.height;
  drawn.getContext("2d").drawImage(canvas, 0, 0);
  isCopied = true;
}

// Without scaling, which would blur.
function restore(pen) {
  pen.save();
  pen.resetTransform();
  pen.drawImage(drawn, 0, 0);
  pen.restore();
}

function drawHovered(pen) {
  const { hovered } = state;
  const { upper, lower } = layout;
  if (hovered?.what === "message") inPane(pen, lower, () => drawHoveredMessage(pen, hovered.at));
  if (hovered?.what === "operation") inPane(pen, upper, () => outlineOperation(pen, hovered.at));
  if (hovered?.what === "fault") outlineFault(pen, hovered.at);
}

function drawAll(pen) {
  const { width, height, upper, lower } = layout;
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
}
