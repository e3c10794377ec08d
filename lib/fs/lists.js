"use strict";

// Operations and records on their way to the native side: lists of JSON text, of about a megabyte each.

const LIST_CHARACTERS = 1 << 20;

/** Lists of these texts. */
function* listsOf(texts) {
  let list = "";
  for (const text of texts) {
    list += list === "" ? `[${text}` : `,${text}`;
    if (list.length < LIST_CHARACTERS) continue;
    yield `${list}]`;
    list = "";
  }
  if (list !== "") yield `${list}]`;
}

function* recordTexts(ids, values) {
  // A value that JSON has no text for is left out.
  for (const [index, id] of ids.entries()) yield JSON.stringify({ id, data: values[index] });
}

/** Lists of records as they are at the call: the caller may change its map while they are being written. */
function recordLists(records) {
  const ids = [];
  const values = [];
  for (const [id, value] of records) {
    ids.push(String(id));
    values.push(value);
  }
  return listsOf(recordTexts(ids, values));
}

module.exports = { listsOf, recordLists };
