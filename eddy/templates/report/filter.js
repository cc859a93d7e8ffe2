// Which messages are to be seen: those of the chosen kinds whose bodies contain the text, between
// participants that have a line. It is decided for all at once when a choice changes, so that
// drawing and pointing only look it up.

function filter() {
  const { search, only } = state;
  for (let at = 0; at < messages.count; at++) {
    messages.passes[at] = Number(state.kinds[messages.kind[at]]
      && hasLines(at)
      && (!only || messages.marked[at] === 1)
      && (search === "" || messages.body[at].includes(search)));
  }
  tellAbsentKinds();
  forgetDensity();
  changed();
}

// Whether both its sender and its receiver have a line.
function hasLines(at) {
  return layout.lineOf[messages.src[at]] >= 0 && layout.lineOf[messages.dest[at]] >= 0;
}

// The next message that is to be seen, after another one or before it; -1 if there is none.
function nextMessage(at, step) {
  do at += step; while (at >= 0 && at < messages.count && !messages.passes[at]);
  return at < messages.count ? at : -1;
}
