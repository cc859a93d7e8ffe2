// Start of the page, and the interface for browser tests.

async function start() {
  data = await unpack();
  readColors();
  messages = messageColumns(data);
  operations = operationColumns(data, Number(canvas.dataset.threads));
  state.allClients = !messages.betweenServers.includes(1);
  arrangeFaults();
  rankKinds();
  makeControls();
  makeCards();
  resize();
  if (data.contradictions.length > 0) select(0);
  else showBeginning();
  filter();
  listenToPointers();
  listenToWheel();
  listenToKeys();
  followOverview();
  followWindow();
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}

// Shows a window with as many messages as can be told apart: from the first operation on, or around
// the first message that a fault dropped.
function showBeginning() {
  const READABLE = 200;
  const column = messages;
  const isCounted = (at) => state.allClients || column.betweenServers[at] === 1;
  const counted = Array.from({ length: column.count }, (_, at) => at).filter(isCounted);
  if (counted.length === 0) return showAll();
  const lost = counted.findIndex((at) => column.fate[at] === 1);
  const begun = Math.max(0, counted.findIndex((at) => column.sent[at] >= 0));
  const first = lost < 0 ? begun : Math.max(0, lost - READABLE / 4);
  const last = Math.min(counted.length - 1, first + READABLE);
  return showAround(column.begin[counted[first]], column.end[counted[last]]);
}

for (const button of document.querySelectorAll("button.copy")) {
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.of);
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(text);
      button.textContent = "selected";
    }
  });
}

window.eddy = {
  ready: start().catch((error) => {
    document.getElementById("shown").textContent = `The page cannot be drawn: ${error.message}`;
    throw error;
  }),
  place: placeOfMessage,
  placeOfOperation,
  show,
  select,
  highlightAll: () => { messages.marked.fill(1); changed(); },
  drawMs: () => drawMilliseconds,
  visible: () => visibleMessages,
};
