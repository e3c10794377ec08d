"use strict";

// The calls of a store that ask with a query.

const { checkNames } = require("../arguments/option-names");
const { parseFind, parseIds } = require("./find");

function find(records, query, options) {
  return records.found(parseFind(query, options, "find()"));
}

function findIds(records, query, options) {
  return records.found(parseIds(query, options));
}

async function findOne(records, query, options) {
  checkNames(options, ["sort", "skip", "fields", "signal"], "findOne()");
  const [found] = await records.found(parseFind(query, { ...options, limit: 1 }, "findOne()"));
  return found;
}

function countWhere(records, query, options) {
  return records.find(parseFind(query, options, "countWhere()", { names: ["signal"], counts: true })).count();
}

async function explain(records, query, options) {
  const effort = await records.find(parseFind(query, options, "explain()")).effort();
  return {
    indexes: effort.indexes,
    keys: effort.keys,
    records: effort.examined,
    found: effort.matched,
    isSortedByIndex: effort.isInOrder,
  };
}

module.exports = { countWhere, explain, find, findIds, findOne };
