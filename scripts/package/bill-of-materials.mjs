// The bill of materials (SBOM) of each published package, in CycloneDX's JSON: of a platform's package the crates that are
// compiled into its binary, as cargo and Cargo.lock have them; of the package itself its npm dependencies. It depends on
// the sources and the binary alone: it has no time and no random number.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { platformPackage, platforms } from "../platform-packages.mjs";
import { fail, root } from "../setup.mjs";
import { BUNDLED } from "../ui/bundled.mjs";
import { rustTargets } from "./cross-build.mjs";

/** The name of the file in each package. */
export const BILL = "sbom.cdx.json";

const readJson = (name) => JSON.parse(readFileSync(path.join(root, name), "utf8"));
const sha256 = (content) => createHash("sha256").update(content).digest("hex");
const byName = (one, other) => (one < other ? -1 : Number(one > other));

const npmReference = (name, version) => `pkg:npm/${name.replace("@", "%40")}@${version}`;
const crateReference = ({ name, version }) => `pkg:cargo/${name}@${version}`;

/** A number of the bill that is the same for the same content: a UUID of version 5 in form. */
function serialNumber(content) {
  const hex = sha256(JSON.stringify(content));
  const variant = ((parseInt(hex[16], 16) & 3) | 8).toString(16);
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ];
  return `urn:uuid:${parts.join("-")}`;
}

function bill(component, components, dependencies) {
  const content = {
    metadata: { component },
    components,
    dependencies: dependencies.map(([ref, dependsOn]) => ({ ref, dependsOn: [...dependsOn].sort(byName) })),
  };
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: serialNumber(content),
    version: 1,
    ...content,
  };
}

function cargo(...args) {
  const { status, stdout, stderr, error } = spawnSync("cargo", args, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (error) fail(`cargo is needed for the bill of materials: ${error.message}`);
  if (status !== 0) fail(`cargo ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** The checksum of each crate, by its name and version, as Cargo.lock has them. */
function checksums() {
  const lock = readFileSync(path.join(root, "Cargo.lock"), "utf8");
  const entries = lock.matchAll(
    /^name = "(.+)"\nversion = "(.+)"\n(?:source = .*\n)?(?:checksum = "(.+)")?/gm,
  );
  return new Map([...entries].map(([, name, version, checksum]) => [`${name}@${version}`, checksum]));
}

/**
 * The crates that the library for a target is made of, by id, with those that each needs. `isLinked` says whether the
 * crate is part of the binary: build scripts and procedural macros, with all that they need, run in the compiler.
 */
function crates(target) {
  const metadata = JSON.parse(
    cargo("metadata", "--format-version=1", "--locked", "--filter-platform", target),
  );
  const packages = new Map(metadata.packages.map((each) => [each.id, each]));
  const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
  const isMacro = (id) => packages.get(id).targets.some(({ kind }) => kind.includes("proc-macro"));
  const found = new Map();
  const visit = (id, isLinked) => {
    const before = found.get(id);
    if (before !== undefined && (before.isLinked || !isLinked)) return;
    const needs = nodes
      .get(id)
      .deps.map(({ pkg, dep_kinds: kinds }) => ({ pkg, kinds: kinds.map(({ kind }) => kind) }))
      .filter(({ kinds }) => kinds.some((kind) => kind !== "dev"));
    found.set(id, { crate: packages.get(id), isLinked, needs: needs.map(({ pkg }) => packages.get(pkg)) });
    for (const { pkg, kinds } of needs) visit(pkg, isLinked && kinds.includes(null) && !isMacro(pkg));
  };
  visit(metadata.resolve.root, true);
  return { own: metadata.resolve.root, found };
}

function crateComponent({ crate, isLinked }, checksum) {
  return {
    type: "library",
    "bom-ref": crateReference(crate),
    name: crate.name,
    version: crate.version,
    scope: isLinked ? "required" : "excluded",
    ...(checksum === undefined ? {} : { hashes: [{ alg: "SHA-256", content: checksum }] }),
    licenses: [{ expression: crate.license.replaceAll("/", " OR ") }],
    purl: crateReference(crate),
  };
}

function npmComponent({ name, version, description, license }) {
  const reference = npmReference(name, version);
  return {
    type: "library",
    "bom-ref": reference,
    name,
    version,
    description,
    licenses: [{ license: { id: license } }],
    purl: reference,
  };
}

/** The bill of a platform's package with the binary that is given. */
export function platformBill(platform, binary) {
  const { own, found } = crates(rustTargets[platform].replace(/\.\d.*$/, ""));
  const known = checksums();
  const component = {
    ...npmComponent(platformPackage(platform)),
    hashes: [{ alg: "SHA-256", content: sha256(readFileSync(binary)) }],
  };
  const byReference = (one, other) => byName(one["bom-ref"], other["bom-ref"]);
  const components = [...found]
    .filter(([id]) => id !== own)
    .map(([, each]) => crateComponent(each, known.get(`${each.crate.name}@${each.crate.version}`)))
    .sort(byReference);
  const references = [...found].map(([id, { crate, needs }]) => [
    id === own ? component["bom-ref"] : crateReference(crate),
    needs.map(crateReference),
  ]);
  return bill(
    component,
    components,
    references.sort(([one], [other]) => byName(one, other)),
  );
}

/** The bill of the package itself: it depends on nothing but the platforms' packages, of which npm installs one. */
export function packageBill() {
  const main = readJson("package.json");
  const { packages } = readJson("package-lock.json");
  const installed = Object.entries(packages).filter(([name, { dev }]) => name !== "" && !dev);
  if (installed.length > 0)
    fail(`The bill of materials leaves out ${installed.map(([name]) => name).join(", ")}.`);
  const component = npmComponent(main);
  // What is in the page of `opslog ui`: no dependency, but a part of the package.
  const bundled = BUNDLED.map((name) => {
    const { version, license } = packages[`node_modules/${name}`];
    return { ...npmComponent({ name, version, license }), scope: "required" };
  });
  const ofPlatforms = Object.keys(platforms).map((platform) => ({
    ...npmComponent(platformPackage(platform, main)),
    scope: "optional",
  }));
  const components = [...bundled, ...ofPlatforms];
  const references = components.map((each) => each["bom-ref"]);
  return bill(component, components, [
    [component["bom-ref"], references],
    ...references.map((each) => [each, []]),
  ]);
}
