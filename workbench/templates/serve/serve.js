// What the list of tests does by itself: it filters as soon as something is chosen, and shows tests
// that run as they go on. Without it, everything works with a click more.

const $ = (id) => document.getElementById(id);
const chosen = () => [...document.querySelectorAll("input[name=run]:checked")];

// Two tests can be compared, no more and no fewer.
const allow = () => {
  if ($("compare")) $("compare").disabled = chosen().length !== 2;
};

// Arrow keys choose one option after the other, so a select has the focus again on the page that it
// leads to. Storage may be forbidden, and then it has not.
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

// Takes the table from a new copy of this page, and leaves the rest, scrolling included. What comes
// while one is loaded may not be in it: then another one is.
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

// What finds the same element in another copy of the page.
const selector = (element) => element.localName + ["id", "name", "value", "class", "href"]
  .filter((name) => element.hasAttribute(name))
  .map((name) => `[${name}="${CSS.escape(element.getAttribute(name))}"]`)
  .join("");

const show = ({ run, progress }) => {
  const row = document.querySelector(`tr[data-run=${CSS.escape(run)}]`);
  if (!row) return;
  const round = (number) => Number(number.toPrecision(3));
  const faults = Object.entries(progress.faults).map(([fault, strikes]) => `${strikes} × ${fault}`);
  // The time limit is that of operations alone: what comes before them and after them has none.
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

const told = ({ data }) => {
  const { running } = JSON.parse(data);
  const known = JSON.parse($("live").dataset.running);
  const ids = running.map(({ run }) => run);
  const same = ids.length === known.length && ids.every((id) => known.includes(id));
  if (same) running.forEach(show);
  else reload().then(() => running.forEach(show));
};

// A browser has six connections to a server, and each list that listens keeps one: only those that
// can be seen do.
let events = null;
const listen = () => {
  events?.close();
  events = document.hidden ? null : new EventSource("/events");
  events?.addEventListener("message", told);
};
document.addEventListener("visibilitychange", () => {
  listen();
  if (!document.hidden) reload();
});
listen();
