// A card for each contradiction, of which one is open. Opening one moves the view to it and
// highlights its operations and messages; a row does so for one operation.

// Number of unfolded cards, the most telling first. More would push the view off the screen.
const CARDS = 3;

function makeCards() {
  const section = document.getElementById("contradictions");
  const cards = data.contradictions.map(makeCard);
  section.hidden = cards.length === 0;
  const rest = cards.slice(CARDS);
  document.getElementById("cards").append(...cards.slice(0, CARDS));
  if (rest.length > 0) document.getElementById("cards").append(foldedCards(rest));
  if (cards.length > 0) foldExplanation(section);
}

function foldedCards(cards) {
  const summary = `${cards.length} more`;
  return element("details", "rest", element("summary", "", summary), ...cards);
}

// The checker's long explanation comes after the cards, folded.
function foldExplanation(section) {
  const explanation = document.getElementById("explanation");
  if (!explanation) return;
  section.append(element("details", "", element("summary", "", "Full explanation"), explanation));
}

function makeCard(contradiction, number) {
  const head = element("button", "what", contradiction.what);
  head.addEventListener("click", () => { select(number); toView(); });
  const lines = contradiction.evidence.map((line) => element("li", "", line));
  const inside = element("div", "inside");
  if (lines.length > 0) inside.append(element("ol", "evidence", ...lines));
  if (contradiction.operations.length > 0) {
    inside.append(element("div", "wide", rowsOf(contradiction, number)));
  }
  return element("article", "card", head, inside);
}

function rowsOf(contradiction, number) {
  const heads = ["process", "operation", "value", "result", "invoked", "took", "node"];
  const rows = contradiction.operations.map((at) => {
    const completed = operations.completed[at];
    const took = completed === -1 ? "never ended" : lasting(completed - operations.invoked[at]);
    const result = operations.error[at] || operations.result[at];
    const outcome = ["ok", "fail", "info"][operations.outcome[at]];
    const row = element("tr", "",
      element("td", "", String(operations.process[at])),
      element("td", "", element("button", "row", data.functions[operations.f[at]])),
      element("td", "", element("code", "", operations.value[at])),
      element("td", "", element("span", `outcome-${operations.outcome[at]}`, outcome), " ",
        element("code", "", result)),
      element("td", "number", clock(operations.invoked[at])),
      element("td", "number", took),
      element("td", "", operations.node[at] < 0 ? "" : name(operations.node[at])));
    row.addEventListener("click", () => { selectOperation(number, at); toView(); });
    return row;
  });
  const head = element("tr", "", ...heads.map((text) => {
    const cell = element("th", text === "invoked" || text === "took" ? "number" : "", text);
    cell.scope = "col";
    return cell;
  }));
  return element("table", "list",
    element("thead", "", head), element("tbody", "", ...rows));
}

function select(number) {
  const contradiction = data.contradictions[number];
  if (!contradiction) return;
  [state.selected, state.operation] = [number, -1];
  document.querySelectorAll("#cards .card").forEach((card, at) => {
    card.classList.toggle("selected", at === number);
    card.querySelector(".what").setAttribute("aria-expanded", String(at === number));
    for (const row of card.querySelectorAll("tr.selected")) row.classList.remove("selected");
  });
  messages.marked.fill(0);
  operations.marked.fill(0);
  for (const at of contradiction.messages) messages.marked[at] = 1;
  for (const at of contradiction.operations) operations.marked[at] = 1;
  showClients(contradiction);
  hideTooltip();
  resize();
  filter();
  if (contradiction.operations.length > 0) {
    reveal(layout.upper, operations.lane[contradiction.operations[0]]);
  }
  showAround(contradiction.from, contradiction.until);
}

// Gives a line to each client that takes part in the contradiction.
function showClients({ operations: list, messages: sent }) {
  const involved = [
    ...list.map((at) => operations.client[at]),
    ...sent.flatMap((at) => [messages.src[at], messages.dest[at]]),
  ];
  const isClient = (at) => at >= 0 && data.participants[at].kind === "client";
  state.clients = new Set(involved.filter(isClient));
}

function selectOperation(number, at) {
  if (state.selected !== number) select(number);
  state.operation = at;
  const contradiction = data.contradictions[number];
  const card = document.querySelectorAll("#cards .card")[number];
  card.querySelectorAll("tbody tr").forEach((row, place) => {
    row.classList.toggle("selected", contradiction.operations[place] === at);
  });
  hideTooltip();
  reveal(layout.upper, operations.lane[at]);
  const [begin, end] = [operations.begin[at], operations.end[at]];
  const room = Math.max(end - begin, 1000);
  show(begin - room, end + room);
}

function toView() {
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  canvas.scrollIntoView({ block: "nearest", behavior: isStill ? "auto" : "smooth" });
}
