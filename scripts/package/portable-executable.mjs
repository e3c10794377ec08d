// As much of the format of Windows' libraries as tells what one asks for: the libraries that it imports from, with the
// names of their functions, and what it exports.

const PE_OFFSET = 0x3c;
const SIGNATURE = 0x00004550;
const PE32_PLUS = 0x20b;
const MACHINES = { 0x8664: "x64", 0xaa64: "arm64" };
/** Which of the optional header's tables is which. */
const EXPORTS = 0;
const IMPORTS = 1;
const DELAYED_IMPORTS = 13;
const IMPORT_BYTES = 20;
const SECTION_BYTES = 40;

/** Takes the time out at which the linker made a file: two builds of the same sources give the same bytes. */
export function withoutTime(file) {
  const header = file.readUInt32LE(PE_OFFSET);
  if (file.readUInt32LE(header) !== SIGNATURE) throw new Error("it is no portable executable");
  const copy = Buffer.from(file);
  copy.writeUInt32LE(0, header + 8);
  return copy;
}

/** A file, with a look at what lies at an address once it is loaded. */
class Image {
  constructor(file) {
    const header = file.readUInt32LE(PE_OFFSET);
    if (file.readUInt32LE(header) !== SIGNATURE) throw new Error("it is no portable executable");
    const optional = header + 24;
    if (file.readUInt16LE(optional) !== PE32_PLUS) throw new Error("it is not for 64 bits");
    this.file = file;
    this.machine = MACHINES[file.readUInt16LE(header + 4)] ?? "another machine";
    this.system = `Windows ${file.readUInt16LE(optional + 48)}.${file.readUInt16LE(optional + 50)}`;
    const sections = optional + file.readUInt16LE(header + 20);
    this.sections = Array.from({ length: file.readUInt16LE(header + 6) }, (_, index) => {
      const at = sections + index * SECTION_BYTES;
      return {
        address: file.readUInt32LE(at + 12),
        bytes: file.readUInt32LE(at + 16),
        offset: file.readUInt32LE(at + 20),
      };
    });
    this.table = (index) => file.readUInt32LE(optional + 112 + 8 * index);
  }

  offset(address) {
    const section = this.sections.find(
      (each) => address >= each.address && address < each.address + each.bytes,
    );
    if (section === undefined) throw new Error(`address ${address} is in no section`);
    return address - section.address + section.offset;
  }

  text(address) {
    const start = this.offset(address);
    return this.file.toString("latin1", start, this.file.indexOf(0, start));
  }
}

/** The libraries that an image imports from, by name. */
function importsOf(image) {
  const address = image.table(IMPORTS);
  const names = [];
  if (address === 0) return names;
  for (let at = image.offset(address); image.file.readUInt32LE(at + 12) !== 0; at += IMPORT_BYTES) {
    names.push(image.text(image.file.readUInt32LE(at + 12)));
  }
  return names;
}

/** The names of the functions that an image exports. */
function exportsOf(image) {
  const address = image.table(EXPORTS);
  if (address === 0) return [];
  const table = image.offset(address);
  const names = image.offset(image.file.readUInt32LE(table + 32));
  const count = image.file.readUInt32LE(table + 24);
  return Array.from({ length: count }, (_, index) => image.text(image.file.readUInt32LE(names + 4 * index)));
}

/** What a library for Windows asks for and offers. */
export function inspectPortableExecutable(file) {
  const image = new Image(file);
  const delayed = image.table(DELAYED_IMPORTS) !== 0;
  return {
    machine: image.machine,
    system: image.system,
    needed: importsOf(image),
    exported: exportsOf(image),
    fault: delayed ? "it imports with delay, which this check does not read" : undefined,
  };
}
