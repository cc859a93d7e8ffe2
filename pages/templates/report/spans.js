// Index of time spans: finds those that touch a window.
//
// Spans are sorted by their start, so a binary search cuts off those that start after the window. A
// few of those before the window may last into it, however early they started. So spans are grouped
// into blocks, each with its latest end, and a block that ended before the window is skipped.
// Without very long spans, that is all but one or two blocks.

const BLOCK = 256;

class Spans {
  constructor(begin, end) {
    this.begin = begin;
    this.end = end;
    this.latest = new Float64Array(Math.ceil(begin.length / BLOCK)).fill(-Infinity);
    for (let at = 0; at < end.length; at++) {
      const block = Math.floor(at / BLOCK);
      this.latest[block] = Math.max(this.latest[block], end[at]);
    }
  }

  // Number of spans that begin before `time`.
  before(time) {
    let [low, high] = [0, this.begin.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.begin[middle] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // Calls `visit` with each span that touches the window, in their order.
  touching(from, until, visit) {
    const stop = this.before(until);
    for (let block = 0; block * BLOCK < stop; block++) {
      if (this.latest[block] < from) continue;
      const last = Math.min(stop, (block + 1) * BLOCK);
      for (let at = block * BLOCK; at < last; at++) {
        if (this.end[at] >= from) visit(at);
      }
    }
  }
}
