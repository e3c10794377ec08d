/** What is done to Windows' libraries before they are published: see scripts/package/portable-executable.mjs. */
import test from "ava";
import { withoutTime } from "../../scripts/package/portable-executable.mjs";

/** A file whose header stands at an offset, linked at a time. */
function library(header, time) {
  const file = Buffer.alloc(header + 64, 7);
  file.writeUInt32LE(header, 0x3c);
  file.write("PE\0\0", header, "latin1");
  file.writeUInt32LE(time, header + 8);
  return file;
}

test("two builds of one library, made at different times, are the same without the time", (t) => {
  for (const header of [0x78, 0x100]) {
    const [one, other] = [library(header, 0x6b0d147f), library(header, 0x6b0d1d18)];
    t.notDeepEqual(one, other);
    t.deepEqual(withoutTime(one), withoutTime(other));
    t.is(withoutTime(one).compare(one, 0, header + 8, 0, header + 8), 0);
    t.is(withoutTime(one).compare(one, header + 12, one.length, header + 12), 0);
    t.is(one.readUInt32LE(header + 8), 0x6b0d147f);
  }
});

test("a file that is no portable executable is refused", (t) => {
  t.throws(() => withoutTime(Buffer.alloc(256)), { message: "it is no portable executable" });
});
