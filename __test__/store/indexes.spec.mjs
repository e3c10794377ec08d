import test from "ava";
import { Store } from "../../index.mjs";
import { compareIndexed } from "../queries/compare.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

test("find(), countWhere(), sort, skip and limit by indexes find what mingo and a walk find", async (t) => {
  const folderOf = () => temporaryFolder(t);
  const result = await compareIndexed({ Store, seed: 20_261_130, rounds: 12, folderOf });
  t.deepEqual(result.differences.slice(0, 3), []);
  t.true(result.byIndex > 100, String(result.byIndex));
  t.true(result.inOrder > 20, String(result.inOrder));
});
