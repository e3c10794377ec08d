/** What is published: the packages' files, links, bills of materials and the facade as one file. */
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { spawnSync } from "node:child_process";
import test from "ava";
import { platforms } from "../../scripts/platform-packages.mjs";
import { brokenLinks } from "../../scripts/package/links.mjs";
import { stage } from "../../scripts/package/stage.mjs";

const require = createRequire(import.meta.url);
const root = path.dirname(require.resolve("@backloghq/opslog/package.json"));
const PLATFORM = "linux-arm64-musl";

const folders = [];
test.after.always(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

/** Packs everything, with a file in the place of a platform's binary. */
async function pack() {
  const folder = await mkdtemp(path.join(tmpdir(), "opslog-published-"));
  folders.push(folder);
  const binary = path.join(folder, "binary");
  await writeFile(binary, "the binary of a platform");
  const tarballs = stage(path.join(folder, "tarballs"), { [PLATFORM]: binary });
  const read = (name, file) => readFile(path.join(folder, "tarballs", name, file), "utf8");
  return { folder, tarballs, read };
}

const first = pack();

test("the Markdown of the repository, has no link that leads nowhere", async (t) => {
  const docs = (await readdir(path.join(root, "docs"))).filter((name) => name.endsWith(".md"));
  for (const name of ["README.md", "CHANGELOG.md", ...docs.map((each) => `docs/${each}`)]) {
    t.deepEqual(brokenLinks(name), [], name);
  }
});

test("the package, packed twice in different folders, has the same bytes, and so has a platform's", async (t) => {
  const one = await first;
  const other = await pack();
  for (const name of ["main", PLATFORM]) {
    const [bytes, again] = await Promise.all(
      [one, other].map(({ tarballs }) => readFile(tarballs[name].file)),
    );
    t.true(bytes.equals(again), name);
  }
});

/** The names of the files in an archive that npm made. */
function namesIn(archive) {
  const { status, stdout, stderr } = spawnSync("tar", ["-tzf", path.basename(archive)], {
    cwd: path.dirname(archive),
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split("\n")
    .map((name) => name.replace(/^package\//, ""));
}

test("the package, published, has the list of changes and every document that the README names", async (t) => {
  const { read, tarballs } = await first;
  const names = namesIn(tarballs.main.file);
  const named = [...(await read("main", "README.md")).matchAll(/\/blob\/v[\d.]+\/([\w./-]+\.md)/g)];
  t.true(named.length > 20);
  for (const name of ["CHANGELOG.md", ...named.map(([, name]) => name)]) t.true(names.includes(name), name);
});

test("the documents of the package, published, have only links to files beside them and links that can be followed from anywhere", async (t) => {
  const { read, tarballs } = await first;
  const { version } = JSON.parse(await read("main", "package.json"));
  const names = namesIn(tarballs.main.file);
  let count = 0;
  for (const name of names.filter((each) => each.endsWith(".md"))) {
    const links = [...(await read("main", name)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
    for (const link of links.filter((each) => !/^(https:\/\/|#)/.test(each))) {
      const [file] = link.split("#");
      t.true(names.includes(path.posix.join(path.posix.dirname(name), file)), `${name}: ${link}`);
      t.not(name, "README.md", link);
      count += 1;
    }
    for (const link of links) t.notRegex(link, /\/blob\/main\//, name);
  }
  t.true(count > 50);
  t.true((await read("main", "README.md")).includes(`/blob/v${version}/docs/differences.md`));
  t.regex(
    await read("main", "docs/ui.md"),
    /!\[[^\]]*\]\(https:\/\/raw\.githubusercontent\.com\/\S+\.webp\)/,
  );
});

test("the package, published, has the page of opslog ui as it is built, with the licences of what is in it", async (t) => {
  const { read } = await first;
  t.regex(await read("main", "ui/built/index.html"), /<script type="module" src="page.js">/);
  for (const name of ["page.js", "page.css", "icon.svg"])
    t.true((await read("main", `ui/built/${name}`)).length > 200);
  t.regex(await read("main", "ui/built/licenses.txt"), /^preact [\d.]+$[^]*^uplot [\d.]+$/m);
  t.regex(await read("main", "ui/server/main.mjs"), /serveUi/);
  await t.throwsAsync(read("main", "ui/page/main.jsx"), { code: "ENOENT" });
});

test("the packages, published, name their repository, page and tracker, and ask for provenance", async (t) => {
  const { read } = await first;
  for (const name of ["main", PLATFORM]) {
    const manifest = JSON.parse(await read(name, "package.json"));
    t.regex(manifest.repository.url, /^git\+https:.*\.git$/);
    t.regex(manifest.homepage, /^https:/);
    t.regex(manifest.bugs, /^https:/);
    t.deepEqual(manifest.publishConfig, { access: "public", provenance: true });
    t.false("scripts" in manifest);
    t.true(manifest.files.includes("sbom.cdx.json"));
  }
});

test("a platform's bill of materials, lists the crates of Cargo.lock with their checksums", async (t) => {
  const { read } = await first;
  const bill = JSON.parse(await read(PLATFORM, "sbom.cdx.json"));
  t.is(bill.bomFormat, "CycloneDX");
  t.regex(bill.serialNumber, /^urn:uuid:[\da-f]{8}-[\da-f]{4}-5[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  const lock = await readFile(path.join(root, "Cargo.lock"), "utf8");
  const references = new Set([bill.metadata.component["bom-ref"]]);
  for (const { name, version, hashes, licenses, purl } of bill.components) {
    references.add(purl);
    const [{ content }] = hashes;
    t.true(lock.includes(`name = "${name}"\nversion = "${version}"\n`), name);
    t.true(lock.includes(`checksum = "${content}"`), name);
    t.truthy(licenses[0].expression, name);
  }
  const scopeOf = (wanted) => bill.components.find(({ name }) => name === wanted)?.scope;
  t.is(scopeOf("serde_json"), "required");
  t.is(scopeOf("syn"), "excluded");
  t.is(scopeOf("tempfile"), undefined);
  t.deepEqual(bill.dependencies.map(({ ref }) => ref).sort(), [...references].sort());
  for (const { dependsOn } of bill.dependencies)
    for (const ref of dependsOn) t.true(references.has(ref), ref);
});

test("the package's bill of materials, lists what is in the page, the packages of the platforms and nothing else", async (t) => {
  const { read } = await first;
  const { components } = JSON.parse(await read("main", "sbom.cdx.json"));
  t.deepEqual(
    components.map(({ name }) => name),
    ["preact", "uplot", ...Object.keys(platforms).map((platform) => `@backloghq/opslog-${platform}`)],
  );
});

test("an entry that `import` comes to is a file of few lines, for Node looks for the names of exports in all of its text", async (t) => {
  const { folder, read } = await first;
  for (const name of ["index", "s3"]) {
    t.true((await read("main", `${name}.js`)).length < 200, name);
    const all = await read("main", `${name}.all.js`);
    t.true(all.length > 10_000, name);
    t.false(/[^\0-\x7f]/.test(all), `${name}: a text of one byte for each character is read sooner`);
  }
  const entry = path.join(folder, "tarballs", "main", "index.js");
  // What Node finds in it is `default` alone: it did not look into the other file either.
  const looked = `import(${JSON.stringify(pathToFileURL(entry))}).then((found) => console.log(Object.keys(found).join(" ")))`;
  const { stdout } = spawnSync(process.execPath, ["-e", looked], { encoding: "utf8" });
  t.regex(stdout.trim(), /^default( module\.exports)?$/);
});

test("the facade as one file, keeps the names of the classes, and its source map those of the files", async (t) => {
  const { folder, read } = await first;
  const facade = path.join(folder, "tarballs", "main", "index.js");
  const published = require(facade);
  const ours = require("@backloghq/opslog");
  t.deepEqual(Object.keys(published), Object.keys(ours));
  for (const name of Object.keys(ours)) t.is(published[name].name, ours[name].name);
  const map = JSON.parse(await read("main", "index.all.js.map"));
  t.true(map.sources.includes("lib/store.js"));
  t.is(map.sources.length, map.sourcesContent.length);
  const thrown = `const { Store } = require(${JSON.stringify(facade)});
    try { new Store().get("a"); } catch (error) { console.log(error.stack); }`;
  const { stdout } = spawnSync(process.execPath, ["--enable-source-maps", "-e", thrown], {
    encoding: "utf8",
  });
  t.regex(stdout, /at .*Store\.get .*lib.store\.js:\d+/);
});
