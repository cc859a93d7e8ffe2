// Columns of the data with an index of time spans, and values derived from them once.

// Messages of the same microsecond keep their order: each begins a fraction of it later than the
// one before, so that zooming in separates them even if nothing takes any time.
function messageColumns({ messages: column, participants }) {
  const count = column.id.length;
  const begin = Float64Array.from(column.sent);
  const end = Float64Array.from(column.ended);
  for (let first = 0, next = 0; first < count; first = next) {
    while (next < count && column.sent[next] === column.sent[first]) next += 1;
    for (let at = first; at < next; at++) {
      const part = (at - first) / (next - first);
      begin[at] += part;
      end[at] = Math.max(end[at], begin[at]);
    }
  }
  const isClient = participants.map((participant) => participant.kind === "client");
  const betweenServers = Uint8Array.from({ length: count },
    (_, at) => isClient[column.src[at]] || isClient[column.dest[at]] ? 0 : 1);
  return {
    ...column,
    count,
    begin,
    end,
    betweenServers,
    spans: new Spans(begin, end),
    // Messages that pass the filters, and those that are highlighted.
    passes: new Uint8Array(count).fill(1),
    marked: new Uint8Array(count),
  };
}

// Operations of one client thread share a line: after an operation without a known end, the thread
// continues as another process, whose number is greater by the number of threads.
function operationColumns({ operations: column, end: theEnd }, threads) {
  const begin = Float64Array.from(column.invoked);
  const end = Float64Array.from(column.completed, (time) => time === -1 ? theEnd : time);
  const lane = column.process.map((process) => threads > 0 ? process % threads : process);
  const names = [...new Set(lane)].sort((a, b) => a - b);
  const place = new Map(names.map((name, at) => [name, at]));
  return {
    ...column,
    count: begin.length,
    begin,
    end,
    spans: new Spans(begin, end),
    lanes: names,
    lane: Int32Array.from(lane, (name) => place.get(name)),
    marked: new Uint8Array(begin.length),
  };
}
