"use strict";

// Calls that are done at once, or refused at once, would starve timers, sockets and ends of checkpoints if they were
// awaited one after the other, or made many at once: promises alone never let the event loop have a turn. Therefore such a
// call settles a turn of the loop later now and then, and the queue of mutations goes on a turn later. All stores share
// the count: the loop is one.

const { withCaller } = require("../errors/caller-trace");
const { loopTurn } = require("../platform/timers");

/** So many operations take a millisecond or two; a turn of the loop takes as long as one or two of them. */
const OPERATIONS_IN_A_TURN = 512;
/** What a refusal counts for: an error with its stack, often behind a system call that failed. */
const OPERATIONS_OF_A_REFUSAL = 16;

let operations = 0;
/** The turn that is waited for: what is done meanwhile waits as well, so that calls settle in their order. */
let turn = null;

/** Counts operations that were just done. Returns the turn of the event loop that is due, or `null`. */
function count(done) {
  operations += done;
  if (operations >= OPERATIONS_IN_A_TURN) {
    operations = 0;
    turn ??= loopTurn().then(() => {
      turn = null;
    });
  }
  return turn;
}

/** As `count()`, for a call that was refused. */
function countRefusal() {
  return count(OPERATIONS_OF_A_REFUSAL);
}

/** A promise of the result of what was just done, of some operations. */
function after(done, result) {
  const due = count(done);
  return due === null ? Promise.resolve(result) : due.then(() => result);
}

/** A promise that rejects with what a call was just refused with. */
function refuse(error) {
  const due = countRefusal();
  if (due === null) return Promise.reject(error);
  return due.then(() => {
    throw error;
  });
}

/** Errors with which another call rejects as well. */
const told = new WeakSet();

/** Notes that another call rejects with an error too: a promise that rejects with it may be dropped. */
function toldElsewhere(error) {
  told.add(error);
  return error;
}

/** Settles as the promise of a call does. */
function paced(promise) {
  const settled = pace(promise, () => settled.catch(() => {}));
  return settled;
}

/** As `paced()`, for a call that resolves to nothing, and whose promise to how many operations it made. */
function pacedBy(promise) {
  const settled = pace(promise, () => settled.catch(() => {}), true);
  return settled;
}

/** `mayBeDropped` is called where the promise that this returns need not be looked at. */
async function pace(promise, mayBeDropped, isCount = false) {
  let result;
  try {
    result = await promise;
  } catch (error) {
    if (told.has(error)) mayBeDropped();
    return refuse(withCaller(error));
  }
  return isCount ? after(Math.max(1, result)) : after(1, result);
}

/** Passes on what the generator yields and returns that `begin` makes at the first step. */
async function* pacedSteps(begin) {
  let generator;
  try {
    generator = begin();
    for (;;) {
      const { done, value } = await generator.next();
      const due = count(1);
      if (due !== null) await due;
      if (done) return value;
      yield value;
    }
  } catch (error) {
    const due = countRefusal();
    if (due !== null) await due;
    throw withCaller(error);
  } finally {
    await generator?.return();
  }
}

/** Has each async method of a class settle as `paced()` does. */
function paceMethods(Class) {
  const { prototype } = Class;
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    const { value } = descriptor;
    if (typeof value !== "function" || name === "constructor") continue;
    const method = function (...args) {
      return paced(value.apply(this, args));
    };
    for (const key of ["name", "length"])
      Object.defineProperty(method, key, { value: value[key], configurable: true });
    Object.defineProperty(prototype, name, { ...descriptor, value: method });
  }
}

module.exports = {
  after,
  count,
  countRefusal,
  paced,
  pacedBy,
  pacedSteps,
  paceMethods,
  refuse,
  toldElsewhere,
};
