// Filter of messages: those of the chosen types whose bodies contain the text, between participants
// with a line. It is computed for all messages when a choice changes, so that drawing and pointing
// only look it up.

function filter() {
  const { search, only } = state;
  const compact = unspaced(search);
  state.unread = 0;
  for (let at = 0; at < messages.count; at++) {
    const isChosen = state.kinds[messages.kind[at]]
      && hasLines(at)
      && (!only || messages.marked[at] === 1);
    const body = messages.body[at];
    const contains = search === "" || body.includes(search) || body.includes(compact);
    messages.passes[at] = Number(isChosen && contains);
    if (isChosen && !contains && messages.bytes[at] > 0) state.unread += 1;
  }
  tellAbsentKinds();
  forgetDensity();
  changed();
}

// True if both sender and receiver have a line.
function hasLines(at) {
  return layout.lineOf[messages.src[at]] >= 0 && layout.lineOf[messages.dest[at]] >= 0;
}

// The next visible message or operation after or before another one; -1 if there is none.
function nextSeen(what, at, step) {
  const { count } = columnOf(what);
  do at += step; while (at >= 0 && at < count && !isSeen(what, at));
  return at < count ? at : -1;
}

function isSeen(what, at) {
  if (what === "message") return messages.passes[at] === 1;
  return !state.only || operations.marked[at] === 1;
}

function columnOf(what) {
  return what === "message" ? messages : operations;
}
