import * as opslog from "@backloghq/opslog";
import { check } from "../../check.mjs";

export const dynamic = "force-dynamic";

export async function GET() {
  return new Response(await check(opslog).catch((error) => `${error.code} ${error.message}`));
}
