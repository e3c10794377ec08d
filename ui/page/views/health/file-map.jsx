/** The files of the store as blocks, in folders: the larger the file, the wider its block; damage has its place in it. */
import { bytes, number } from "../../text/numbers.js";
import { Text } from "../../parts/text.jsx";

const MOST_BLOCKS = 1500;
const LEAST_WIDTH = 10;

/** How wide a block is: a file of a thousand times the bytes is some times as wide, not a thousand. */
function widthOf(size) {
  return Math.round(LEAST_WIDTH + Math.max(0, Math.log2(size / 512)) * 9);
}

function foldersOf(files) {
  const folders = new Map();
  for (const file of files) {
    const at = file.path.lastIndexOf("/");
    const folder = at === -1 ? "" : file.path.slice(0, at);
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  return [...folders].sort(([one], [other]) => (one < other ? -1 : 1));
}

function stateOf(file, damaged, foreign, isChecked) {
  if (!isChecked) return "unchecked";
  if (damaged.has(file.path)) return "damaged";
  return foreign.has(file.path) ? "foreign" : "sound";
}

export function FileMap({ files, report }) {
  const { damage = [], foreign = [] } = report ?? {};
  const damaged = new Map();
  for (const place of damage) damaged.set(place.path, [...(damaged.get(place.path) ?? []), place]);
  const strange = new Set(foreign);
  const known = new Set(files.map((file) => file.path));
  const missing = [...damaged.keys()]
    .filter((path) => !known.has(path))
    .map((path) => ({ path, bytes: 0, isMissing: true }));
  const all = [...files, ...missing].slice(0, MOST_BLOCKS);
  return (
    <div class="file-map">
      {foldersOf(all).map(([folder, inside]) => (
        <div key={folder} class="file-folder">
          <h3 class="mono">{folder === "" ? "./" : <Text value={`${folder}/`} most={100} />}</h3>
          <ul class="blocks" aria-label={`Files in ${folder === "" ? "the folder" : folder}`}>
            {inside.map((file) => {
              const state = file.isMissing
                ? "missing"
                : stateOf(file, damaged, strange, report !== undefined);
              const places = damaged.get(file.path) ?? [];
              const name = file.path.slice(folder === "" ? 0 : folder.length + 1);
              const said = `${name}, ${file.isMissing ? "missing" : bytes(file.bytes)}, ${state}`;
              return (
                <li
                  key={file.path}
                  class={`block ${state}`}
                  style={{ width: `${widthOf(file.bytes)}px` }}
                  title={said}
                >
                  <span class="unseen">{said}</span>
                  {places.slice(0, 40).map(({ offset }, n) => (
                    <span
                      key={n}
                      class="block-place"
                      style={{
                        left: `${file.bytes > 0 ? Math.min(97, ((offset ?? 0) / file.bytes) * 100) : 0}%`,
                      }}
                      title={offset === null ? "the whole file" : `byte ${number(offset)}`}
                    />
                  ))}
                </li>
              );
            })}
          </ul>
        </div>
      ))}
    </div>
  );
}
