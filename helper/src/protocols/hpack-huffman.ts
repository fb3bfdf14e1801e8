// The Huffman code of HPACK (RFC 7541, appendix B). It is canonical: the lengths of the codes tell everything.

/** Length of the code of each byte, and of the end of string: `a` is 5 bits, `z` is 30. */
const lengths =
  'isxxxxxxxtzxxzxxxxxxxxzxxxxxxxxxbffhibdgffdgdbbbaaabbbbbbbcdkbhfibcccccccccccccccccccc' +
  'ccdcdioijbkabababbbaccbbbabcbaabccccckgjixprpprrrsrssssststtrstssssqrsrsstrqprrssqsrrt' +
  'qrssqqrqsrssprrrsrrsvvporsruvvvwwvtuoqvwwvwtqqvvxwwwptpqrqqsrruuttvsvwvvwwwwwxwwwwwvz';
const shortest = 5;
const longest = 30;
const endOfString = 256;

/** By length: first code, and where its byte stands in `symbols`. */
const firstCode = new Uint32Array(longest + 2);
const firstIndex = new Uint16Array(longest + 2);
const count = new Uint16Array(longest + 2);
const symbols: number[] = [];

for (let length = shortest, code = 0; length <= longest; length += 1, code <<= 1) {
  firstCode[length] = code;
  firstIndex[length] = symbols.length;
  for (let symbol = 0; symbol <= endOfString; symbol += 1) {
    if (lengths.charCodeAt(symbol) - 0x61 + shortest === length) symbols.push(symbol);
  }
  count[length] = symbols.length - (firstIndex[length] ?? 0);
  code += count[length] ?? 0;
}

/**
 * Decodes a string, one character a byte.
 * @param kept characters that are wanted; the rest is counted only
 * @returns undefined for what is no Huffman code
 */
export function decodeHuffman(bytes: Uint8Array, kept: number): { text: string; length: number } | undefined {
  let text = '';
  let length = 0;
  let code = 0;
  let bits = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      code = (code << 1) | ((byte >> bit) & 1);
      bits += 1;
      if (bits > longest) return undefined;
      const index = code - (firstCode[bits] ?? 0);
      if (bits < shortest || index < 0 || index >= (count[bits] ?? 0)) continue;
      const symbol = symbols[(firstIndex[bits] ?? 0) + index] ?? endOfString;
      if (symbol === endOfString) return undefined;
      if (length < kept) text += String.fromCharCode(symbol);
      length += 1;
      code = 0;
      bits = 0;
    }
  }
  // What is left over has to be the start of the end-of-string code: ones.
  return bits > 7 || code !== (1 << bits) - 1 ? undefined : { text, length };
}
