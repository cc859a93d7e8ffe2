// Drawing of thousands of thin lines, pixel by pixel.
//
// A browser smooths each line and blends it with those below, which takes a quarter of a second for
// 20 000 of them without a graphics card. Where lines are that dense, single ones cannot be seen.
// Here a pixel has the color of the last line through it, and is the more opaque the more lines
// there are.

const raster = { canvas: document.createElement("canvas"), image: null };

// Draws the lines of the messages in `list` into a pane.
function rasterize(pen, pane, list) {
  const ratio = pixelRatio(layout.width, layout.height);
  const width = Math.max(1, Math.round(layout.width * ratio));
  const height = Math.max(1, Math.round(pane.height * ratio));
  const { canvas } = raster;
  if (!raster.image || raster.image.width !== width || raster.image.height !== height) {
    [canvas.width, canvas.height] = [width, height];
    raster.image = new ImageData(width, height);
  }
  const pixels = new Uint32Array(raster.image.data.buffer);
  pixels.fill(0);
  // The more lines, the less opacity each adds, so that a hundred on a pixel differ from ten.
  const step = Math.round(Math.max(14, Math.min(200, 400_000 / list.length)));
  const ofKind = data.kinds.map((_, kind) => pixelOf(kindColor(kind)));
  for (const at of list) {
    const line = arrow(at);
    if (!line) continue;
    addLine({ pixels, width, height }, ratio, pane.top, line, ofKind[messages.kind[at]], step);
  }
  canvas.getContext("2d").putImageData(raster.image, 0, 0);
  pen.drawImage(canvas, 0, pane.top, layout.width, pane.height);
}

// Only the part inside the pane is traced: in a scrolled pane, most of a line may be outside.
function addLine({ pixels, width, height }, ratio, top, { x0, y0, x1, y1 }, color, step) {
  const [left, above] = [x0 * ratio, (y0 - top) * ratio];
  const [across, down] = [x1 * ratio - left, (y1 - top) * ratio - above];
  const count = Math.max(1, Math.ceil(Math.max(Math.abs(across), Math.abs(down))));
  const [right, below] = [across / count, down / count];
  const inside = partBetween(above, above + down, 0, height);
  const [first, last] = [Math.floor(inside[0] * count), Math.ceil(inside[1] * count)];
  let [x, y] = [left + first * right, above + first * below];
  for (let done = first; done <= last; done++) {
    if (x >= 0 && y >= 0 && x < width && y < height) {
      const at = (y | 0) * width + (x | 0);
      const opaque = Math.min(235, (pixels[at] >>> 24) + step);
      pixels[at] = color | opaque << 24;
    }
    x += right;
    y += below;
  }
}

// A color `#rrggbb` as image data: blue, green and red, from the highest bits.
function pixelOf(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return blue << 16 | green << 8 | red;
}
