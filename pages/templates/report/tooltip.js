// Tooltip with the details of a message, operation or fault. A click keeps it open, so that its
// text can be selected.

const tooltip = document.getElementById("tooltip");
let pinned = false;

function name(participant) {
  return participant < 0 ? "nobody" : data.participants[participant].name;
}

function facts(...rows) {
  const list = element("dl", "facts");
  for (const [title, value] of rows) {
    if (value === "") continue;
    list.append(element("dt", "", title), element("dd", "", value));
  }
  return list;
}

function describeMessage({ at, others }) {
  const column = messages;
  const way = `${name(column.src[at])} → ${name(column.dest[at])}`;
  const took = lasting(column.ended[at] - column.sent[at]);
  const fault = column.fault[at] ? `, by ${column.fault[at]}` : "";
  const ended = clock(column.ended[at]);
  const fate = [
    `arrived ${ended}, after ${took}`,
    `lost${fault}, ${ended}`,
    "still in flight when the test ended",
    "not recorded: the log was full",
  ][column.fate[at]];
  const cut = column.bytes[at] ? `The beginning of ${column.bytes[at]} bytes.` : "";
  return [
    element("h3", "", element("b", "", data.kinds[column.kind[at]]), `  ${way}`),
    facts(
      ["sent", clock(column.sent[at])],
      ["fate", element("span", column.fate[at] === 1 ? "lost" : "", fate)],
      ["id", String(column.id[at])],
    ),
    element("pre", "", pretty(column.body[at]) + (cut ? " …" : "")),
    ...(cut ? [element("p", "note", cut)] : []),
    ...(others > 0 ? [element("p", "note", `${others} more here: zoom in.`)] : []),
  ];
}

const OUTCOMES = ["ok", "fail", "info: it may or may not have happened"];

function describeOperation({ at }) {
  const column = operations;
  const completed = column.completed[at];
  const ended = completed === -1 ? "never"
    : `${clock(completed)}, after ${lasting(completed - column.invoked[at])}`;
  return [
    element("h3", "", element("b", "", data.functions[column.f[at]]),
      `  process ${column.process[at]}`),
    facts(
      ["outcome", element("span", `outcome-${column.outcome[at]}`, OUTCOMES[column.outcome[at]])],
      ["value", element("code", "", column.value[at])],
      ["result", column.result[at] && element("code", "", column.result[at])],
      ["error", column.error[at] && element("code", "", column.error[at])],
      ["invoked", clock(column.invoked[at])],
      ["completed", ended],
      ["client", column.client[at] < 0 ? "" : name(column.client[at])],
      ["node", column.node[at] < 0 ? "" : name(column.node[at])],
      ["history", `index ${column.index[at]}`],
    ),
  ];
}

function describeFault({ at }) {
  const fault = data.faults[at];
  return [
    element("h3", "", element("b", "", fault.fault)),
    element("p", "", fault.what),
    facts(["from", clock(fault.from)],
      ["until", `${clock(fault.until)}, after ${lasting(fault.until - fault.from)}`]),
  ];
}

// Shows the tooltip of an item near a point of the window.
function showTooltip(thing, clientX, clientY, pin) {
  const describe = { message: describeMessage, operation: describeOperation, fault: describeFault };
  const close = element("button", "close", "×");
  close.setAttribute("aria-label", "close");
  close.addEventListener("click", () => { hideTooltip(); canvas.focus({ preventScroll: true }); });
  tooltip.replaceChildren(close, ...describe[thing.what](thing));
  tooltip.hidden = false;
  tooltip.classList.toggle("pinned", pin);
  pinned = pin;
  // At its old position it may have been squeezed.
  tooltip.style.left = tooltip.style.top = "0";
  const { offsetWidth, offsetHeight } = tooltip;
  const right = document.documentElement.clientWidth - offsetWidth - 6;
  const fits = clientY + 16 + offsetHeight < innerHeight;
  const top = fits ? clientY + 14 : Math.max(6, clientY - 14 - offsetHeight);
  tooltip.style.left = `${Math.max(6, Math.min(clientX + 14, right)) + scrollX}px`;
  tooltip.style.top = `${top + scrollY}px`;
  state.hovered = thing;
  pointedElsewhere();
}

function hideTooltip() {
  pinned = false;
  tooltip.hidden = true;
  state.hovered = null;
  pointedElsewhere();
}
