// What is used of dns-packet: its decoders, one by one, so that a message that was cut is read as far as it goes. The types
// that others publish for it know only the whole.
declare module 'dns-packet' {
  interface Decoder<T> {
    /** @throws Error, RangeError where the bytes are none */
    decode: ((bytes: Buffer, offset: number) => T) & { bytes: number };
  }
  export const name: Decoder<string>;
  export const a: Decoder<string>;
  export const aaaa: Decoder<string>;
  export const cname: Decoder<string>;
  export const srv: Decoder<{ target: string }>;
}

declare module 'dns-packet/types.js' {
  /** `UNKNOWN_65400` for a type without a name. */
  export function toString(type: number): string;
}
