// Operations as bars on their thread's line, from invocation to completion.
//
// Zoomed out, a bar that begins on the same pixel as the previous one on its line would hide it, so
// it is drawn only if its outcome is worse: failures must not vanish.

function bar(at) {
  const { upper, gutter, width } = layout;
  const x = timeX(operations.begin[at]);
  const left = Math.max(x, gutter - 4);
  const right = Math.min(Math.max(timeX(operations.end[at]), x + 2), width + 4);
  const height = Math.min(16, upper.line - 2);
  return { left, right, top: lineY(upper, operations.lane[at]) - height / 2, height };
}

function drawOperations(pen) {
  const last = new Map();
  const byOutcome = [[], [], []];
  const marked = [];
  operations.spans.touching(state.from, state.until, (at) => {
    if (operations.marked[at]) return void marked.push(at);
    if (state.only) return;
    const lane = operations.lane[at];
    const place = Math.round(timeX(operations.begin[at])) * 4 + operations.outcome[at];
    const before = last.get(lane);
    const isHidden = before !== undefined && before >> 2 === place >> 2 && before >= place
      && timeX(operations.end[at]) < timeX(operations.begin[at]) + 2;
    if (isHidden) return;
    last.set(lane, place);
    byOutcome[operations.outcome[at]].push(at);
  });
  byOutcome.forEach((list, outcome) => {
    const path = new Path2D();
    for (const at of list) {
      const { left, right, top, height } = bar(at);
      path.rect(left, top, Math.max(right - left - 1, 1.5), height);
    }
    pen.fillStyle = colors.outcomes[outcome];
    pen.globalAlpha = data.contradictions[state.selected]?.operations.length > 0 ? 0.45 : 1;
    pen.fill(path);
    pen.globalAlpha = 1;
  });
  for (const at of marked) {
    const { left, right, top, height } = bar(at);
    pen.fillStyle = colors.outcomes[operations.outcome[at]];
    pen.fillRect(left, top, right - left, height);
    pen.strokeStyle = colors.invalid;
    pen.lineWidth = at === state.operation ? 3 : 2;
    pen.strokeRect(left - 1, top - 1, right - left + 2, height + 2);
  }
  byOutcome.flat().concat(marked).forEach((at) => writeInBar(pen, at));
}

function outlineOperation(pen, at) {
  const { left, right, top, height } = bar(at);
  pen.strokeStyle = colors.ink;
  pen.lineWidth = 1.5;
  pen.strokeRect(left - 1, top - 1, right - left + 2, height + 2);
}

// Outcome of an operation, for people who cannot tell the colors apart.
const SIGNS = ["", "✗ ", "? "];

// Text in a bar that is broad enough, truncated to fit.
function writeInBar(pen, at) {
  const { left, right, top, height } = bar(at);
  const start = Math.max(left, layout.gutter) + 4;
  const room = right - start - 3;
  if (room < 26 || height < 10) return;
  const letter = 5.6;
  const what = `${data.functions[operations.f[at]]} ${operations.value[at]}`;
  const text = SIGNS[operations.outcome[at]] + what;
  pen.fillStyle = colors["on-bar"];
  pen.font = "10px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  const letters = Math.floor(room / (letter + 0.45));
  const shown = text.length > letters ? `${text.slice(0, Math.max(1, letters - 1))}…` : text;
  pen.fillText(printable(shown), start, top + height / 2 + 0.5);
}
