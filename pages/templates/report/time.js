// Formatting of times, which are microseconds of the history's clock.

function clock(time) {
  return `${(time / 1e6).toFixed(6)} s`;
}

function lasting(time) {
  if (time < 1e3) return `${Math.round(time)} µs`;
  if (time < 1e6) return `${round(time / 1e3)} ms`;
  return `${round(time / 1e6)} s`;
}

function round(number) {
  return String(Number(number.toFixed(number < 10 ? 3 : 1)));
}

// About `count` round times between two others, with enough digits to tell them apart.
function ticks(from, until, count) {
  const least = Math.max(1, (until - from) / Math.max(1, count));
  const decade = 10 ** Math.floor(Math.log10(least));
  const step = decade * [1, 2, 5, 10].find((factor) => decade * factor >= least);
  const digits = Math.max(0, Math.ceil(6 - Math.log10(step)));
  const found = [];
  for (let at = Math.ceil(from / step); at * step <= until; at++) {
    found.push({ time: at * step, text: `${(at * step / 1e6).toFixed(digits)} s` });
  }
  return found;
}
