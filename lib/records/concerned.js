"use strict";

// The ids of the records that are different now from what they were at an earlier place.

const { call } = require("../errors/native");

function* concernedBy(past) {
  for (let list = call(() => past.concerned()); list !== null; list = call(() => past.concerned())) {
    yield* JSON.parse(list);
  }
}

module.exports = { concernedBy };
