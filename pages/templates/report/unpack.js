// Data of the page, from the page itself: gzipped JSON as base64. A single file has no other way to
// contain a megabyte of messages, and base64 has no character that could end a script element.

async function unpack() {
  const packed = atob(document.getElementById("data").textContent.trim());
  const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}
