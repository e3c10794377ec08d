/**
 * All commands. A command has a `name`, a `weight` (how often it is chosen), an `arbitrary(options)` for its
 * parameters (plain JSON), `run(world, step)`, and perhaps `when(world)`: without it, it is always possible.
 * `floating: true` among the parameters means that the call is not awaited: run() then returns nothing.
 *
 * To add one: write it into the file of its kind. The transition matrix asks for it from then on.
 */
import fc from "fast-check";
import { lifecycle } from "./lifecycle.mjs";
import { longLog } from "./long-log.mjs";
import { mutations } from "./mutations.mjs";
import { looks } from "./reads.mjs";
import { readers } from "./readers.mjs";

export const commands = [...mutations, ...looks, ...lifecycle, longLog, ...readers];

const byName = new Map(commands.map((command) => [command.name, command]));

export const commandOf = (step) => byName.get(step.command);

/** One step: a command's name and its parameters. */
export function stepArbitrary(options) {
  return fc.oneof(
    ...commands.map(({ name, weight, arbitrary }) => ({
      weight,
      arbitrary: arbitrary(options).map((parameters) => ({ command: name, ...parameters })),
    })),
  );
}
