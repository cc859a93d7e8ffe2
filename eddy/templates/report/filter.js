// Which messages are to be seen: those of the chosen kinds whose bodies contain the text, between
// participants that have a line. It is decided for all at once when a choice changes, so that
// drawing and pointing only look it up.

function filter() {
  const { search, only } = state;
  state.unread = 0;
  for (let at = 0; at < messages.count; at++) {
    const isChosen = state.kinds[messages.kind[at]]
      && hasLines(at)
      && (!only || messages.marked[at] === 1);
    const contains = search === "" || messages.body[at].includes(search);
    messages.passes[at] = Number(isChosen && contains);
    if (isChosen && !contains && messages.bytes[at] > 0) state.unread += 1;
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
