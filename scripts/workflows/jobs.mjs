// What a workflow of GitHub says, as far as ours use it: jobs, one for each combination of a matrix, and their steps with what stands in
// `${{ }}` put in.

import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { load } from "js-yaml";
import { root } from "../setup.mjs";

const folder = path.join(root, ".github/workflows");

/** The combinations of a matrix; one without values where there is none. */
export function combinationsOf({ include = [], ...lists } = {}) {
  let all = Object.keys(lists).length === 0 && include.length > 0 ? [] : [{}];
  for (const [name, values] of Object.entries(lists))
    all = all.flatMap((combination) => values.map((value) => ({ ...combination, [name]: value })));
  return [...all, ...include];
}

/** A text with the values put in that it names. One that names what is not known throws. */
export function filled(text, context) {
  return String(text).replaceAll(/\$\{\{ *([\w.]+) *\}\}/g, (expression, name) => {
    const value = name.split(".").reduce((found, key) => found?.[key], context);
    if (value === undefined) throw new Error(`nothing is known of ${expression}`);
    return value;
  });
}

const filledAll = (object = {}, context) =>
  Object.fromEntries(Object.entries(object).map(([name, text]) => [name, filled(text, context)]));

/** The jobs of all workflows. `github` is what `${{ github }}` stands for. */
export function readJobs(github) {
  return readdirSync(folder).flatMap((file) => {
    const { jobs } = load(readFileSync(path.join(folder, file), "utf8"));
    return Object.entries(jobs).flatMap(([id, job]) =>
      combinationsOf(job.strategy?.matrix).map((matrix) => {
        const context = { matrix, github };
        return {
          workflow: path.basename(file, ".yml"),
          id,
          values: Object.values(matrix).join(", "),
          system: filled(job["runs-on"], context),
          container: job.container?.image,
          steps: job.steps.map(({ uses, run, name, if: condition, with: given, env }) => ({
            uses,
            run: run && filled(run, context),
            name: name && filled(name, context),
            condition,
            with: filledAll(given, context),
            env: filledAll(env, context),
          })),
        };
      }),
    );
  });
}
