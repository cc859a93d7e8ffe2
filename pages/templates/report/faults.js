// Faults: a named bar between the panes, and shades on the lines that the fault struck.

const faultLanes = { count: 0, of: [] };

function arrangeFaults() {
  const free = [];
  faultLanes.of = data.faults.map((fault) => {
    let lane = free.findIndex((until) => until <= fault.from);
    if (lane < 0) lane = free.length;
    free[lane] = fault.until;
    return lane;
  });
  faultLanes.count = Math.min(free.length, 4);
}

function faultBar(at) {
  const fault = data.faults[at];
  const lane = Math.min(faultLanes.of[at], faultLanes.count - 1);
  const left = Math.max(timeX(fault.from), layout.gutter);
  const right = Math.min(Math.max(timeX(fault.until), timeX(fault.from) + 2), layout.width);
  return { left, right, top: layout.faultsTop + lane * FAULT_LANE + 1, height: FAULT_LANE - 3 };
}

function faultsInWindow() {
  return data.faults.map((_, at) => at)
    .filter((at) => data.faults[at].from <= state.until && data.faults[at].until >= state.from);
}

// Draws the shades behind all else.
function drawShades(pen, pane) {
  for (const at of faultsInWindow()) {
    const { left, right } = faultBar(at);
    if (right <= left) continue;
    pen.fillStyle = colors.fault;
    if (pane === layout.upper) {
      pen.globalAlpha = 0.06;
      pen.fillRect(left, pane.top, right - left, pane.height);
    } else {
      pen.globalAlpha = 0.12;
      for (const participant of data.faults[at].struck) {
        const line = layout.lineOf[participant];
        if (line < 0) continue;
        pen.fillRect(left, lineY(pane, line) - pane.line / 2, right - left, pane.line);
      }
    }
  }
  pen.globalAlpha = 1;
}

function outlineFault(pen, at) {
  const { left, right, top, height } = faultBar(at);
  pen.strokeStyle = colors.fault;
  pen.lineWidth = 1.5;
  pen.strokeRect(left, top, right - left, height);
  inPane(pen, layout.lower, () => {
    pen.beginPath();
    pen.moveTo(left, layout.lower.top);
    pen.lineTo(left, layout.height);
    pen.moveTo(right, layout.lower.top);
    pen.lineTo(right, layout.height);
    pen.stroke();
  });
}

function drawFaultBars(pen) {
  for (const at of faultsInWindow()) {
    const { left, right, top, height } = faultBar(at);
    if (right <= left) continue;
    pen.fillStyle = colors.fault;
    pen.globalAlpha = 0.3;
    pen.fillRect(left, top, right - left, height);
    pen.globalAlpha = 1;
    pen.fillStyle = colors.ink;
    pen.font = `11px ${FONT}`;
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    const text = data.faults[at].fault;
    if (pen.measureText(text).width < right - left - 8) {
      pen.fillText(printable(text), left + 4, top + height / 2 + 0.5);
    }
  }
}
