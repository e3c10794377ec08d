/** Every tool of agentdb, called directly, in each storage mode. */
import assert from "node:assert/strict";
import { AgentDB } from "@backloghq/agentdb";
import { getTools } from "@backloghq/agentdb/tools";
import { check } from "./harness.mjs";
import { callAll, calledTools, collectionOptions, embed } from "./tool-calls.mjs";

const provider = { dimensions: 4, embed: async (texts) => embed(texts) };

for (const storageMode of ["memory", "disk", "auto"]) {
  check(storageMode, async (folder) => {
    const options = { storageMode, collectionOverrides: collectionOptions, diskThreshold: 3 };
    const database = await AgentDB.open(folder, { ...options, embeddings: { provider } });
    const tools = new Map(getTools(database).map((tool) => [tool.name, tool]));
    assert.deepEqual([...tools.keys()].sort(), calledTools);
    const answers = await callAll((name, args) => {
      const { schema, execute } = tools.get(name);
      return execute(schema.parse(args));
    });
    await database.close();
    return answers;
  });
}
