// Text from nodes. It becomes text content, never markup, and characters that would reorder or hide
// text are shown as escapes.

const DANGEROUS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function printable(text) {
  return String(text).replace(DANGEROUS,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

// An element with a class, and text or elements inside.
function element(name, className, ...inside) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...inside.map((part) => part instanceof Node ? part : printable(part)));
  return made;
}

// JSON with line breaks. It works on characters, since numbers must keep all their digits and a
// truncated body is not valid JSON. Short values stay on one line.
function pretty(json) {
  const SHORT = 64;
  if (!/^[{[]/.test(json)) return json;
  let [out, indent, at] = ["", 0, 0];
  const newline = () => `\n${"  ".repeat(indent)}`;
  while (at < json.length) {
    const letter = json[at];
    if (letter === "\"") {
      const text = /^"(?:[^"\\]|\\[^])*"?/.exec(json.slice(at))[0];
      out += text;
      at += text.length;
      continue;
    }
    at += 1;
    if (letter === "{" || letter === "[") {
      const simple = /^(?:"(?:[^"\\]|\\.)*"|[^"[\]{}])*[\]}]/.exec(json.slice(at, at + SHORT));
      if (simple) {
        out += letter + spaced(simple[0]);
        at += simple[0].length;
        continue;
      }
      indent += 1;
      out += letter + newline();
    } else if (letter === "}" || letter === "]") {
      indent = Math.max(0, indent - 1);
      out += newline() + letter;
    } else if (letter === ",") {
      out += letter + newline();
    } else if (letter === ":") {
      out += ": ";
    } else if (!/\s/.test(letter)) {
      out += letter;
    }
  }
  return out;
}

// Search text without the spaces that `pretty` adds, from which it may be copied.
function unspaced(text) {
  return text.replace(/"(?:[^"\\]|\\.)*"|([,:])\s+/g, (part, mark) => mark ?? part);
}

// A space after each comma and colon that is not in a string.
function spaced(json) {
  return json.replace(/"(?:[^"\\]|\\.)*"|[,:]\s*/g,
    (part) => part[0] === "\"" ? part : `${part[0]} `);
}
