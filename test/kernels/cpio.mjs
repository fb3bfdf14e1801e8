// Writes archives in the format that the kernel unpacks as its first file system ("newc"). Archives may follow each
// other in one file; the kernel unpacks them all.
import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';

const fileTypes = { folder: 0o040000, file: 0o100000, link: 0o120000, characterDevice: 0o020000 };

export class CpioArchive {
  #descriptor;
  #inode = 1;
  #length = 0;
  #names = new Set(['.', '/', '']);

  /** Begins an archive at the end of a file. */
  constructor(file) {
    this.#descriptor = openSync(file, 'a');
  }

  has(name) {
    return this.#names.has(name.replace(/^\/+/, ''));
  }

  folder(name) {
    this.#add(name, fileTypes.folder | 0o755, Buffer.alloc(0));
  }

  /** @param {Buffer | string} content */
  file(name, content, permissions = 0o755) {
    this.#add(name, fileTypes.file | permissions, Buffer.from(content));
  }

  link(name, target) {
    this.#add(name, fileTypes.link | 0o777, Buffer.from(target));
  }

  characterDevice(name, major, minor) {
    this.#add(name, fileTypes.characterDevice | 0o600, Buffer.alloc(0), [major, minor]);
  }

  /** Ends the archive and closes the file. */
  end() {
    this.#entry('TRAILER!!!', 0, Buffer.alloc(0), [0, 0]);
    // The next archive begins at a multiple of 512, as tools expect.
    this.#write(Buffer.alloc((512 - (this.#length % 512)) % 512));
    closeSync(this.#descriptor);
  }

  /** Adds an entry and the folders above it; the first entry of a name wins. */
  #add(name, mode, content, device = [0, 0]) {
    const relative = path.posix.normalize(name).replace(/^\/+/, '');
    if (this.#names.has(relative)) return;
    this.#names.add(relative);
    const parent = path.posix.dirname(relative);
    if (!this.#names.has(parent)) this.folder(parent);
    this.#entry(relative, mode, content, device);
  }

  #entry(name, mode, content, [major, minor]) {
    const nameBytes = Buffer.from(`${name}\0`);
    const [owner, group, links, time, hostMajor, hostMinor, checksum] = [0, 0, 1, 0, 0, 0, 0];
    const fields = [
      ...[this.#inode++, mode, owner, group, links, time, content.length],
      ...[hostMajor, hostMinor, major, minor, nameBytes.length, checksum],
    ];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
    this.#write(Buffer.concat([Buffer.from(header), nameBytes]));
    this.#align();
    this.#write(content);
    this.#align();
  }

  #align() {
    this.#write(Buffer.alloc((4 - (this.#length % 4)) % 4));
  }

  #write(bytes) {
    for (let done = 0; done < bytes.length;) done += writeSync(this.#descriptor, bytes, done);
    this.#length += bytes.length;
  }
}
