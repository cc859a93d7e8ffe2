// Script of the list of tests: it applies filters at once and updates running tests. Without it,
// everything works with one more click.

const $ = (id) => document.getElementById(id);
const chosen = () => [...document.querySelectorAll("input[name=run]:checked")];

// Exactly two tests can be compared.
const allow = () => {
  if ($("compare")) $("compare").disabled = chosen().length !== 2;
};

// Arrow keys choose one option after another, so the select gets the focus again on the next page.
// If storage is forbidden, it does not.
const storage = (() => { try { return sessionStorage; } catch { return null; } })();
const FOCUSED = "focused";
$(storage?.getItem(FOCUSED))?.focus({ preventScroll: true });
storage?.removeItem(FOCUSED);

const submit = () => {
  const query = new URLSearchParams(new FormData($("filters")));
  for (const [name, value] of [...query]) if (!value) query.delete(name);
  location.assign("/" + (query.size ? "?" + query : ""));
};

document.addEventListener("change", (event) => {
  if (event.target.matches("#filters select")) {
    storage?.setItem(FOCUSED, event.target.id);
    submit();
  }
  allow();
});
addEventListener("pageshow", allow);

// Replaces the table by that of a new copy of this page, and keeps the rest, including the scroll
// position. A request during a load may miss its changes, so another load follows.
let loading = null;
let again = false;
const reload = () => {
  again = true;
  loading ??= load().finally(() => { loading = null; });
  return loading;
};

const load = async () => {
  while (again) {
    again = false;
    const response = await fetch(location.href);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const live = page.getElementById("live");
    if (response.ok && live) replace(live);
  }
};

const replace = (live) => {
  const kept = new Set(chosen().map((box) => box.value));
  const focused = $("live").contains(document.activeElement) && selector(document.activeElement);
  $("empty")?.nextElementSibling?.remove();
  $("empty")?.remove();
  $("live").replaceWith(live);
  for (const box of document.querySelectorAll("input[name=run]")) box.checked = kept.has(box.value);
  allow();
  if (focused) document.querySelector(focused)?.focus({ preventScroll: true });
};

// Selector that finds the same element in another copy of the page.
const selector = (element) => element.localName + ["id", "name", "value", "class", "href"]
  .filter((name) => element.hasAttribute(name))
  .map((name) => `[${name}="${CSS.escape(element.getAttribute(name))}"]`)
  .join("");

const show = ({ run, progress }) => {
  const row = document.querySelector(`tr[data-run=${CSS.escape(run)}]`);
  if (!row) return;
  const round = (number) => Number(number.toPrecision(3));
  const faults = Object.entries(progress.faults).map(([fault, strikes]) => `${strikes} × ${fault}`);
  // The time limit applies to operations only, not to the stages before and after.
  const isLimited = progress.stage === "operations";
  const [elapsed, limit] = [progress.elapsed_s, progress.time_limit_s].map(Math.round);
  row.querySelector("td.verdict").textContent = [
    `running: ${progress.stage}`,
    ...(isLimited ? [`${elapsed} of ${limit} s`] : []),
    `${progress.operations} operations`,
    `${round(progress.ops_per_second)} per second`,
    ...faults,
  ].join(", ");
  if (progress.msgs_per_op !== null) {
    row.querySelector("td.figure").textContent = round(progress.msgs_per_op);
  }
};

const onProgress = ({ data }) => {
  const { running } = JSON.parse(data);
  const known = JSON.parse($("live").dataset.running);
  const ids = running.map(({ run }) => run);
  const same = ids.length === known.length && ids.every((id) => known.includes(id));
  if (same) running.forEach(show);
  else reload().then(() => running.forEach(show));
};

// A browser has six connections per server, and each listening list keeps one: only visible lists
// listen.
let events = null;
const listen = () => {
  events?.close();
  events = document.hidden ? null : new EventSource("/events");
  events?.addEventListener("message", onProgress);
};
document.addEventListener("visibilitychange", () => {
  listen();
  if (!document.hidden) reload();
});
listen();
