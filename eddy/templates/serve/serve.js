// What the list of tests does by itself: it filters as soon as something is chosen, and shows tests
// that run as they go on. Without it, everything works with a click more.

const $ = (id) => document.getElementById(id);
const chosen = () => [...document.querySelectorAll("input[name=run]:checked")];

// Two tests can be compared, no more and no fewer.
const allow = () => {
  if ($("compare")) $("compare").disabled = chosen().length !== 2;
};

const submit = () => {
  const query = new URLSearchParams(new FormData($("filters")));
  for (const [name, value] of [...query]) if (!value) query.delete(name);
  location.assign("/" + (query.size ? "?" + query : ""));
};

document.addEventListener("change", (event) => {
  if (event.target.matches("#filters select")) submit();
  allow();
});
addEventListener("pageshow", allow);

// Takes the table from a new copy of this page, and leaves the rest, scrolling included.
let loading = false;
const reload = async () => {
  if (loading) return;
  loading = true;
  const kept = new Set(chosen().map((box) => box.value));
  try {
    const text = await (await fetch(location.href)).text();
    const page = new DOMParser().parseFromString(text, "text/html");
    $("empty")?.nextElementSibling?.remove();
    $("empty")?.remove();
    $("live").replaceWith(page.getElementById("live"));
    for (const box of document.querySelectorAll("input[name=run]")) box.checked = kept.has(box.value);
    allow();
  } finally {
    loading = false;
  }
};

const show = ({ run, progress }) => {
  const row = document.querySelector(`tr[data-run=${CSS.escape(run)}]`);
  if (!row) return;
  const round = (number) => Number(number.toPrecision(3));
  const faults = Object.entries(progress.faults).map(([fault, strikes]) => `${strikes} × ${fault}`);
  row.querySelector("td.verdict").textContent = [
    `running: ${progress.stage}`,
    `${Math.round(progress.elapsed_s)} of ${Math.round(progress.time_limit_s)} s`,
    `${progress.operations} operations`,
    `${round(progress.ops_per_second)} per second`,
    ...faults,
  ].join(", ");
  if (progress.msgs_per_op !== null) {
    row.querySelector("td.figure").textContent = round(progress.msgs_per_op);
  }
};

new EventSource("/events").addEventListener("message", ({ data }) => {
  const { running } = JSON.parse(data);
  const known = JSON.parse($("live").dataset.running);
  const ids = running.map(({ run }) => run);
  const same = ids.length === known.length && ids.every((id) => known.includes(id));
  if (same) running.forEach(show);
  else reload().then(() => running.forEach(show));
});
