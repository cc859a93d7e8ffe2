// Which messages are to be seen: those of the chosen kinds whose bodies contain the text, between
// participants that have a line. It is decided for all at once when a choice changes, so that
// drawing and pointing only look it up.

function filter() {
  const { search, only } = state;
  const line = layout.lineOf;
  for (let at = 0; at < messages.count; at++) {
    messages.passes[at] = Number(state.kinds[messages.kind[at]]
      && line[messages.src[at]] >= 0 && line[messages.dest[at]] >= 0
      && (!only || messages.marked[at] === 1)
      && (search === "" || messages.body[at].includes(search)));
  }
  forgetDensity();
  changed();
}

// The next message that is to be seen, after another one or before it; -1 if there is none.
function nextMessage(at, step) {
  do at += step; while (at >= 0 && at < messages.count && !messages.passes[at]);
  return at < messages.count ? at : -1;
}
