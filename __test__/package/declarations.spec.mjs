/** index.d.ts against what the package really exports, through the TypeScript compiler's eyes. */
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import ts from "typescript";
import * as opslog from "../../index.mjs";

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../..", import.meta.url));
const ours = path.join(root, "index.d.ts");
const theirs = path.join(path.dirname(require.resolve("opslog-reference")), "index.d.ts");

const program = ts.createProgram([ours, theirs], {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  types: ["node"],
  strict: true,
});
const checker = program.getTypeChecker();

/** The exports of a declaration file, by name, aliases followed. */
function exportsOf(file) {
  const module = checker.getSymbolAtLocation(program.getSourceFile(file));
  return new Map(
    checker.getExportsOfModule(module).map((symbol) => {
      const isAlias = symbol.flags & ts.SymbolFlags.Alias;
      return [symbol.name, isAlias ? checker.getAliasedSymbol(symbol) : symbol];
    }),
  );
}

const declared = exportsOf(ours);
const isValue = (symbol) => (symbol.flags & ts.SymbolFlags.Value) !== 0;
const isClass = (symbol) => (symbol.flags & ts.SymbolFlags.Class) !== 0;
const classes = [...declared].filter(([, symbol]) => isClass(symbol));

/** What 0.8.1 declares as private: a subclass in JS may use it, and so it is there. */
function privateMembers(name) {
  const symbol = exportsOf(theirs).get(name);
  const members = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol));
  return members.filter((member) => !isPublic(member)).map(({ name }) => name);
}

/** A member's name as JS has it: the compiler spells `[Symbol.x]` as `__@x@123`. */
function nameOf(symbol) {
  const [, known] = /^__@(\w+)@/.exec(symbol.escapedName) ?? [];
  return known === undefined ? symbol.name : `Symbol.${known}`;
}

function isPublic(symbol) {
  const flags = symbol.declarations?.map((node) => ts.getCombinedModifierFlags(node)) ?? [];
  return flags.every((flag) => (flag & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) === 0);
}

const instanceMembers = (symbol) =>
  checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol)).filter(isPublic);
const staticMembers = (symbol) =>
  checker
    .getPropertiesOfType(checker.getTypeOfSymbol(symbol))
    .filter((member) => isPublic(member) && member.name !== "prototype");

/** What an object really has, besides what every function or class has. */
function ownNames(object, without) {
  return Reflect.ownKeys(object)
    .filter((key) => !without.includes(key))
    .map((key) => (typeof key === "symbol" ? key.description.replace("nodejs.", "Symbol.") : key))
    .sort();
}

const names = (symbols) => symbols.map(nameOf).sort();

test("values that index.d.ts declares, are those that the package exports", (t) => {
  const values = [...declared].filter(([, symbol]) => isValue(symbol)).map(([name]) => name);
  t.deepEqual(values.sort(), Object.keys(opslog).sort());
  t.deepEqual(values, Object.keys(require("@backloghq/opslog")).sort());
});

test("types that 0.8.1 exports, are exported, with all members", (t) => {
  const known = exportsOf(theirs);
  t.true(known.size > 20);
  for (const [name, symbol] of known) {
    t.true(declared.has(name), name);
    const members = new Set(names(instanceMembers(declared.get(name))));
    for (const member of names(instanceMembers(symbol))) t.true(members.has(member), `${name}.${member}`);
  }
});

for (const [name, symbol] of classes) {
  test(`members of ${name} that index.d.ts declares, are those that the class has`, (t) => {
    const Class = opslog[name];
    t.deepEqual(
      names(instanceMembers(symbol)),
      [
        ...new Set([
          ...ownNames(Class.prototype, ["constructor"]),
          ...ownNames(new Class(), privateMembers(name)),
        ]),
      ].sort(),
    );
    t.deepEqual(names(staticMembers(symbol)), ownNames(Class, ["length", "name", "prototype"]));
  });

  test(`methods of ${name}, take no more parameters than index.d.ts declares`, (t) => {
    const check = (holder, members) => {
      for (const member of members) {
        const descriptor = Object.getOwnPropertyDescriptor(holder, member.name);
        if (typeof descriptor?.value !== "function") continue;
        const [signature] = checker.getTypeOfSymbol(member).getCallSignatures();
        t.true(descriptor.value.length <= signature.parameters.length, `${name}.${member.name}`);
      }
    };
    check(opslog[name].prototype, instanceMembers(symbol));
    check(opslog[name], staticMembers(symbol));
    t.pass();
  });
}

test("functions that are exported, take no more parameters than index.d.ts declares", (t) => {
  const functions = [...declared].filter(([, { flags }]) => flags & ts.SymbolFlags.Function);
  t.true(functions.length > 8);
  for (const [name, symbol] of functions) {
    const [signature] = checker.getTypeOfSymbol(symbol).getCallSignatures();
    t.true(opslog[name].length <= signature.parameters.length, name);
  }
});

test("everything that index.d.ts exports, and each member of it, is described", (t) => {
  const undescribed = [];
  const look = (symbol, name) => {
    const text = ts.displayPartsToString(symbol.getDocumentationComment(checker));
    if (text.trim().length < 10) undescribed.push(name);
  };
  for (const [name, symbol] of declared) {
    look(symbol, name);
    const members =
      symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface) ? instanceMembers(symbol) : [];
    for (const member of members) look(member, `${name}.${nameOf(member)}`);
    if (isClass(symbol))
      for (const member of staticMembers(symbol)) look(member, `${name}.${nameOf(member)}`);
  }
  t.deepEqual(undescribed, []);
});

/** The functions that are exported, and the methods of Store and LamportClock, by name. */
function documentedCalls() {
  const calls = [...declared].filter(([, { flags }]) => flags & ts.SymbolFlags.Function);
  for (const name of ["Store", "LamportClock"]) {
    const symbol = declared.get(name);
    for (const member of [...instanceMembers(symbol), ...staticMembers(symbol)]) {
      if (member.flags & ts.SymbolFlags.Method) calls.push([`${name}.${nameOf(member)}`, member]);
    }
  }
  return calls;
}

const tagsOf = (symbol, name) =>
  symbol
    .getJsDocTags(checker)
    .filter((tag) => tag.name === name)
    .map((tag) => ts.displayPartsToString(tag.text));

test("every method and function, tells of its parameters with their defaults, what it throws and what it costs", (t) => {
  const calls = documentedCalls();
  t.true(calls.length > 40);
  for (const [name, symbol] of calls) {
    const text = ts.displayPartsToString(symbol.getDocumentationComment(checker));
    t.regex(text, /^Cost: ./m, name);
    const [throws, ...more] = tagsOf(symbol, "throws");
    t.regex(throws ?? "", /OPSLOG_|^What `close\(\)` rejects with/, name);
    t.deepEqual(more, [], name);
    const [signature] = checker.getTypeOfSymbol(symbol).getCallSignatures();
    const told = new Map(tagsOf(symbol, "param").map((tag) => [tag.split(" ")[0], tag]));
    t.deepEqual(
      [...told.keys()],
      signature.parameters.map((parameter) => parameter.name),
      name,
    );
    for (const parameter of signature.parameters) {
      if (!checker.isOptionalParameter(parameter.valueDeclaration)) continue;
      t.regex(told.get(parameter.name), /default/, `${name}(${parameter.name})`);
    }
  }
});

test("every option, tells its default, and its unit if it is a time or a size", (t) => {
  let options = 0;
  const untold = [];
  for (const [name, symbol] of declared) {
    if (!name.endsWith("Options")) continue;
    for (const member of instanceMembers(symbol)) {
      const text = ts.displayPartsToString(member.getDocumentationComment(checker));
      options++;
      if (!/default/i.test(text)) untold.push(`${name}.${member.name}`);
      if (member.name.endsWith("Ms")) t.regex(text, /milliseconds/i, member.name);
      if (member.name.endsWith("Bytes")) t.regex(text, /bytes/i, member.name);
    }
  }
  t.deepEqual(untold, []);
  t.true(options > 18);
});

test("every code that the package has, is in the description of Store", async (t) => {
  const text = ts.displayPartsToString(declared.get("Store").getDocumentationComment(checker));
  const described = new Set(text.match(/OPSLOG_[A-Z_]+/g));
  const all = new Set(program.getSourceFile(ours).text.match(/OPSLOG_[A-Z_]+/g));
  t.true(all.size > 10);
  t.deepEqual(
    [...all].filter((code) => !described.has(code)),
    [],
  );
});

test("an editor completes the paths of nested fields in queries, orders and indexes", (t) => {
  // The compiler writes paths with "/" everywhere.
  const file = path.join(root, "__test__/types/completed.mts").replaceAll("\\", "/");
  const begin = `
    import { Store } from "@backloghq/opslog";
    interface Task { title: string; owner: { name: string; address?: { city: string } }; steps: { by: { name: string } }[] }
    declare const store: Store<Task>;
    `;
  const options = { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, strict: true, types: [] };
  for (const typed of [
    'store.find({ "|": 1 })',
    'store.find({}, { sort: { "|": 1 } })',
    'store.find({}, { fields: ["|"] })',
    'store.open("tasks", { indexes: { "|": {} } })',
  ]) {
    const text = begin + typed;
    const host = {
      getScriptFileNames: () => [file],
      getScriptVersion: () => "1",
      getScriptSnapshot: (name) => {
        const found = name === file ? text.replace("|", "") : ts.sys.readFile(name);
        return found === undefined ? undefined : ts.ScriptSnapshot.fromString(found);
      },
      getCurrentDirectory: () => root,
      getCompilationSettings: () => options,
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      fileExists: (name) => name === file || ts.sys.fileExists(name),
      readFile: ts.sys.readFile,
    };
    const service = ts.createLanguageService(host);
    const found = service.getCompletionsAtPosition(file, text.indexOf("|"), {});
    const completed = found?.entries.map(({ name }) => name.replaceAll('"', "")) ?? [];
    for (const wanted of ["title", "owner", "owner.name", "owner.address.city", "steps.by.name"]) {
      t.true(completed.includes(wanted), `${typed} does not complete ${wanted}: ${completed}`);
    }
    service.dispose();
  }
});
