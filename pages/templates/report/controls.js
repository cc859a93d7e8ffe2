// Buttons, chips and fields around the view. Their values are in `state`.

function makeControls() {
  makeKinds();
  const on = (id, act) => document.getElementById(id).addEventListener("click", act);
  on("in", () => zoom(2));
  on("out", () => zoom(0.5));
  on("left", () => pan((state.from - state.until) * 0.6));
  on("right", () => pan((state.until - state.from) * 0.6));
  on("all", showAll);
  const search = document.getElementById("search");
  search.addEventListener("input", () => { state.search = search.value; filter(); });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") step("message", event.shiftKey ? -1 : 1, true);
  });
  const clients = document.getElementById("clients");
  clients.checked = state.allClients;
  clients.closest("label").hidden = !data.participants.some(({ kind }) => kind === "client");
  clients.addEventListener("change", () => {
    state.allClients = clients.checked;
    resize();
    filter();
  });
  const only = document.getElementById("only");
  only.closest("label").hidden = data.contradictions.length === 0;
  only.addEventListener("change", () => { state.only = only.checked; filter(); });
}

// A chip for each message type, the most frequent first, with its color and count.
function makeKinds() {
  const count = new Array(data.kinds.length).fill(0);
  for (let at = 0; at < messages.count; at++) count[messages.kind[at]] += 1;
  state.kinds = data.kinds.map(() => true);
  const order = data.kinds.map((_, kind) => kind).sort((a, b) => kindRank[a] - kindRank[b]);
  const chips = order.map((kind) => {
    const box = element("input");
    [box.type, box.checked, box.value] = ["checkbox", true, data.kinds[kind]];
    box.addEventListener("change", () => { state.kinds[kind] = box.checked; filter(); });
    const swatch = element("span", "swatch");
    const line = ["solid", "dashed", "dotted"][Math.floor(kindRank[kind] / KIND_COLORS) % 3];
    swatch.style.borderTop = `4px ${line} var(--kind-${kindRank[kind] % KIND_COLORS})`;
    const number = element("span", "note", grouped(count[kind]));
    const chip = element("label", "chip", box, swatch, data.kinds[kind], number);
    // Shows this type alone; a second double click shows all again.
    chip.addEventListener("dblclick", () => chooseAlone(kind));
    return chip;
  });
  document.getElementById("kinds").append(...chips);
}

function chooseAlone(kind) {
  const isAlone = state.kinds.every((shown, other) => shown === (other === kind));
  state.kinds = state.kinds.map((_, other) => isAlone || other === kind);
  for (const box of document.querySelectorAll("#kinds input")) {
    box.checked = state.kinds[data.kinds.indexOf(box.value)];
  }
  filter();
}

function showAll() {
  const { from, until } = wholeWindow();
  show(from, until);
}

// Message types whose senders and receivers all lack a line are faint.
function tellAbsentKinds() {
  const isThere = data.kinds.map(() => false);
  for (let at = 0; at < messages.count; at++) {
    if (hasLines(at)) isThere[messages.kind[at]] = true;
  }
  for (const chip of document.querySelectorAll("#kinds .chip")) {
    const isAbsent = !isThere[data.kinds.indexOf(chip.querySelector("input").value)];
    chip.classList.toggle("absent", isAbsent);
    chip.title = isAbsent ? "only with clients, which are hidden" : "double click: show only this";
  }
}

// Updates the line below the view. Screen readers read it out at every change, so it waits until
// the view is at rest.
const REST_MILLISECONDS = 300;
let telling = 0;

function tellWhatIsShown() {
  clearTimeout(telling);
  telling = setTimeout(() => {
    const shown = document.getElementById("shown");
    const text = whatIsShown();
    if (shown.textContent !== text) shown.textContent = text;
  }, REST_MILLISECONDS);
}

function whatIsShown() {
  let passing = 0;
  for (const passes of messages.passes) passing += passes;
  const filtered = state.search === "" ? "" : ` contain “${printable(state.search)}”`;
  const bodies = state.unread === 1 ? "1 long body" : `${grouped(state.unread)} long bodies`;
  const unread = state.unread === 0 ? "" : `; ${bodies} cannot be searched beyond the beginning`;
  return `${grouped(visibleMessages)} of ${grouped(passing)} messages${filtered}, `
    + `${lasting(state.until - state.from)} from ${clock(state.from)}${unread}`;
}

function grouped(number) {
  return number.toLocaleString("en").replaceAll(",", "\u202f");
}
