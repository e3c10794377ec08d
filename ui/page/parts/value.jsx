/** A value as the server cut it, in the colour of its kind. */
import { number } from "../text/numbers.js";
import { Text } from "./text.jsx";

export function Preview({ value }) {
  const { kind, text, length } = value;
  if (kind === "missing") return <span class="value missing">–</span>;
  if (kind === "string" && text === "") return <span class="value empty">empty</span>;
  return (
    <span class={`value ${kind}`}>
      <Text value={text} />
      {kind === "string" && length !== undefined && <span class="more"> … {number(length)} characters</span>}
    </span>
  );
}
