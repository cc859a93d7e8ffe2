// The surroundings of the panes: times above, names at the left, and grid lines.

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";

function measureGutter(pen) {
  pen.font = `12px ${FONT}`;
  const names = data.participants.map((participant) => participant.name);
  const widest = Math.max(20, ...names.map((name) => pen.measureText(name).width));
  layout.gutter = Math.round(Math.min(widest, layout.width * 0.25) + 18);
}

// Grid lines of times and participants, behind everything.
function drawLines(pen) {
  const { width, height, gutter, lower, upper } = layout;
  pen.lineWidth = 1;
  pen.strokeStyle = colors.line;
  pen.beginPath();
  for (const { time } of timeTicks()) {
    const x = Math.round(timeX(time)) + 0.5;
    pen.moveTo(x, AXIS);
    pen.lineTo(x, height);
  }
  pen.stroke();
  inPane(pen, upper, () => {
    pen.beginPath();
    for (let line = 0; line < upper.lines; line++) {
      const y = Math.round(lineY(upper, line) + upper.line / 2) - 0.5;
      pen.moveTo(gutter, y);
      pen.lineTo(width, y);
    }
    pen.stroke();
  });
  inPane(pen, lower, () => {
    pen.strokeStyle = colors["strong-line"];
    pen.beginPath();
    for (let line = 0; line < lower.lines; line++) {
      const y = Math.round(lineY(lower, line)) + 0.5;
      pen.moveTo(gutter, y);
      pen.lineTo(width, y);
    }
    pen.stroke();
  });
}

function timeTicks() {
  return ticks(state.from, state.until, (layout.width - layout.gutter) / 110);
}

function drawAxis(pen) {
  pen.fillStyle = colors.paper;
  pen.fillRect(0, 0, layout.width, AXIS);
  pen.fillStyle = colors.faint;
  pen.font = `11px ${FONT}`;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  for (const { time, text } of timeTicks()) {
    const x = timeX(time);
    if (x > layout.width - 60) continue;
    pen.fillRect(Math.round(x), AXIS - 6, 1, 6);
    pen.fillText(text, x + 4, AXIS / 2);
  }
}

// Band above a pane with its title.
function drawBand(pen, top, height, text) {
  pen.fillStyle = colors.raised;
  pen.fillRect(0, top, layout.width, height);
  pen.fillStyle = colors.faint;
  pen.font = `600 11px ${FONT}`;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  pen.fillText(text, 8, top + BAND / 2 + 0.5);
}

// Names in the gutter, and the scroll position of a pane at its right edge.
function drawNames(pen, pane, nameOf) {
  inPane(pen, pane, () => {
    pen.fillStyle = colors.paper;
    pen.fillRect(0, pane.top, layout.gutter, pane.height);
    pen.fillStyle = colors.ink;
    pen.font = `${Math.min(12, pane.line - 1)}px ${FONT}`;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (let line = 0; line < pane.lines; line++) {
      const [x, y] = [layout.gutter - 8, lineY(pane, line)];
      pen.fillText(printable(nameOf(line)), x, y, layout.gutter - 10);
    }
    const whole = pane.lines * pane.line;
    if (whole > pane.height + 1) {
      pen.fillStyle = colors["strong-line"];
      const height = Math.max(24, pane.height * pane.height / whole);
      const top = pane.top + (pane.height - height) * pane.scroll / (whole - pane.height);
      pen.fillRect(layout.width - 5, top, 4, height);
    }
  }, true);
}

// Draws inside a pane, clipped; `withGutter` includes the names at its left.
function inPane(pen, pane, drawing, withGutter = false) {
  if (pane.lines === 0) return;
  const left = withGutter ? 0 : layout.gutter;
  pen.save();
  pen.beginPath();
  pen.rect(left, pane.top, layout.width - left, pane.height);
  pen.clip();
  drawing();
  pen.restore();
}
