// Reading numbers and text out of bytes that anybody may have written: beyond the end there is -1, never an exception.

/** The byte at a place, or -1 beyond the end. */
export function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? -1;
}

/** Big-endian numbers; -1 where not all of their bytes are there. */
export function uint16(bytes: Uint8Array, at: number): number {
  return at + 2 > bytes.length ? -1 : byteAt(bytes, at) * 0x100 + byteAt(bytes, at + 1);
}

export function uint24(bytes: Uint8Array, at: number): number {
  return at + 3 > bytes.length ? -1 : uint16(bytes, at) * 0x100 + byteAt(bytes, at + 2);
}

export function uint32(bytes: Uint8Array, at: number): number {
  return at + 4 > bytes.length ? -1 : uint16(bytes, at) * 0x1_0000 + uint16(bytes, at + 2);
}

/** Little-endian numbers; -1 where not all of their bytes are there. */
export function uint16LittleEndian(bytes: Uint8Array, at: number): number {
  return at + 2 > bytes.length ? -1 : byteAt(bytes, at) + byteAt(bytes, at + 1) * 0x100;
}

export function uint24LittleEndian(bytes: Uint8Array, at: number): number {
  return at + 3 > bytes.length ? -1 : uint16LittleEndian(bytes, at) + byteAt(bytes, at + 2) * 0x1_0000;
}

export function uint32LittleEndian(bytes: Uint8Array, at: number): number {
  return at + 4 > bytes.length
    ? -1
    : uint16LittleEndian(bytes, at) + uint16LittleEndian(bytes, at + 2) * 0x1_0000;
}

/** Whether text (ASCII) stands at a place: `yes`, `no`, or `more` where the bytes end before they contradict it. */
export function textAt(bytes: Uint8Array, at: number, text: string): 'yes' | 'no' | 'more' {
  for (let index = 0; index < text.length; index += 1) {
    const byte = bytes[at + index];
    if (byte === undefined) return 'more';
    if (byte !== text.charCodeAt(index)) return 'no';
  }
  return 'yes';
}

/** Bytes as text, one character a byte. */
export function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
    'latin1',
    from,
    Math.min(to, bytes.length),
  );
}

/** Whether all bytes of a range are printable ASCII, blanks or tabs; an empty range is. */
export function isPrintable(bytes: Uint8Array, from: number, to: number): boolean {
  for (let index = from; index < Math.min(to, bytes.length); index += 1) {
    const byte = byteAt(bytes, index);
    if ((byte < 0x20 && byte !== 0x09) || byte > 0x7e) return false;
  }
  return true;
}
