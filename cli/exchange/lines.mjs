/**
 * Lines of a stream of bytes. A line ends at `\n` and nowhere else: in JSON, what else Unicode has for the end of a line
 * may stand in a text.
 */

const NEWLINE = 0x0a;

/** Some programs put these bytes before the first line, to say that UTF-8 follows. */
const MARK = Buffer.from("\ufeff");

/** What stands behind the mark, if there is one. */
export function withoutMark(bytes) {
  return bytes.subarray(0, MARK.length).equals(MARK) ? bytes.subarray(MARK.length) : bytes;
}

/** Yields the lines as bytes; only what is behind the last line end is held, however long the stream is. */
export async function* linesOf(stream) {
  let isFirst = true;
  for await (const line of splitAtNewlines(stream)) {
    yield isFirst ? withoutMark(line) : line;
    isFirst = false;
  }
}

async function* splitAtNewlines(stream) {
  let pieces = [];
  for await (const chunk of stream) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      yield Buffer.concat([...pieces, chunk.subarray(from, at)]);
      pieces = [];
      from = at + 1;
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from));
  }
  if (pieces.length > 0) yield Buffer.concat(pieces);
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of a line. Other bytes than UTF-8 are an error. */
export function textOf(line) {
  try {
    return decoder.decode(line);
  } catch (error) {
    if (error.code === "ERR_ENCODING_INVALID_ENCODED_DATA")
      throw new Error("this is no UTF-8", { cause: error });
    throw error;
  }
}
