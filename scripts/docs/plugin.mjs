/** A plugin of typedoc: puts an example from examples.mts behind each method and function. */
import { readFileSync } from "node:fs";
import { Comment, CommentTag, Converter, ReflectionKind } from "typedoc";

/** The examples as they are shown: the text of each function, by its name. */
export function readExamples() {
  const text = readFileSync(new URL("examples.mts", import.meta.url), "utf8");
  const found = text.matchAll(/^ {2}(?:async )?"?([\w.]+)"?\([^)]*\) \{\n(.*?)^ {2}\},$/gms);
  return new Map([...found].map(([, name, body]) => [name, body.replaceAll(/^ {4}/gm, "").trimEnd()]));
}

const nameOf = (reflection) => {
  const isMember = reflection.parent?.kindOf(ReflectionKind.Class);
  const name = reflection.name.replace(/^\[(?:Symbol\.)?(\w+)\]$/, "$1");
  return isMember ? `${reflection.parent.name}.${name}` : name;
};

const KINDS =
  ReflectionKind.Method | ReflectionKind.Function | ReflectionKind.Property | ReflectionKind.Class;

export function load(app) {
  const examples = readExamples();
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const reflection of project.getReflectionsByKind(KINDS)) {
      const code = examples.get(nameOf(reflection));
      if (code === undefined) continue;
      const target = reflection.signatures?.[0] ?? reflection;
      target.comment ??= new Comment();
      target.comment.blockTags.push(
        new CommentTag("@example", [{ kind: "code", text: `\`\`\`ts\n${code}\n\`\`\`` }]),
      );
    }
  });
}
