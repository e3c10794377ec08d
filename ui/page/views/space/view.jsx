/** Where the bytes of the store are, and what of them could go. */
import { useCall, useChanged } from "../../hooks.js";
import { ago, bytes, counted, moment } from "../../text/numbers.js";
import { Command } from "../../parts/button.jsx";
import { Failure, Loading } from "../../parts/notice.jsx";
import { Text } from "../../parts/text.jsx";
import { BytesBar, PARTS } from "./bytes-bar.jsx";
import { Compact } from "./compact.jsx";
import { Growth } from "./growth.jsx";

const MOST_FILES = 30;

/** A folder as a shell takes it. */
export const quoted = (folder) =>
  /^[\w./-]+$/.test(folder) ? folder : `'${folder.replaceAll("'", "'\\''")}'`;

function Prunable({ prunable, folder }) {
  if (prunable.error) return <Failure error={prunable.error} />;
  const { files, bytes: size } = prunable;
  return (
    <>
      <p class="figure">{bytes(size)}</p>
      <p>
        {files === 0
          ? "There is no history that could go."
          : `in ${counted(files, "file")} would go: all sealed logs and superseded snapshots that no process needs. With them goes the history.`}
      </p>
      {files > 0 && (
        <div class="commands">
          <Command text={`npx opslog prune ${quoted(folder)} --dry-run`} />
        </div>
      )}
    </>
  );
}

export function SpaceView({ overview }) {
  const { data, error, reload } = useCall("space", {});
  useChanged(reload, 3000);
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data) return <Loading what="Measuring the folder" />;
  const { usage, prunable, growth, files, fileCount, isWhole } = data;
  const total = PARTS.reduce((sum, [key]) => sum + usage[key].bytes, 0);
  return (
    <div class="view padded">
      <Failure error={error} retry={reload} />
      <section class="card" aria-label="Bytes">
        <div class="card-head">
          <p class="figure">{bytes(total)}</p>
          <span class="quiet">
            in {counted(fileCount, "file")}
            {!isWhole && " and more"}
          </span>
        </div>
        <BytesBar usage={usage} />
      </section>
      <div class="columns">
        <section class="card" aria-label="What pruning would free">
          <h2>Pruning would free</h2>
          <Prunable prunable={prunable} folder={overview.folder} />
        </section>
        <section class="card" aria-label="Compacting">
          <h2>Compacting</h2>
          <p>
            {counted(overview.stats?.opsCount ?? 0, "operation")} stood in the live log when the page was
            opened. Compacting writes a new snapshot and seals the log: the store opens faster, and all
            history stays.
          </p>
          {overview.write ? (
            <Compact done={reload} />
          ) : (
            <div class="commands">
              <Command text={`npx opslog compact ${quoted(overview.folder)}`} />
            </div>
          )}
        </section>
      </div>
      <section class="card" aria-label="Growth">
        <h2>Growth</h2>
        <p class="quiet">The bytes that are there now, by the time at which their files were written last.</p>
        {growth.length > 0 && <Growth points={growth} />}
      </section>
      <section class="card" aria-label="Largest files">
        <h2>Largest files</h2>
        <div class="scrolls-wide" tabIndex={0} role="region" aria-label="Files by size">
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">File</th>
                <th scope="col" class="number">
                  Bytes
                </th>
                <th scope="col" class="wide-only">
                  Written
                </th>
              </tr>
            </thead>
            <tbody>
              {files.slice(0, MOST_FILES).map((file) => (
                <tr key={file.path}>
                  <th scope="row" class="mono">
                    <Text value={file.path} most={200} />
                  </th>
                  <td class="number">{bytes(file.bytes)}</td>
                  <td class="quiet wide-only" title={moment(file.writtenAt)}>
                    {ago(file.writtenAt)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        {fileCount > MOST_FILES && (
          <p class="quiet">{counted(fileCount - MOST_FILES, "smaller file")} not listed.</p>
        )}
      </section>
    </div>
  );
}
