// Names of processes, hosts and files are other people's bytes. What the editor shows of them goes through here.

/** Control characters, and the marks that turn the direction of text or hide in it. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** One line without control or formatting characters, cut to `maximumLength` characters. */
export function plainText(text: string, maximumLength = 256): string {
  const printable = text.replace(unprintable, '\uFFFD');
  return printable.length > maximumLength ? `${printable.slice(0, maximumLength - 1)}…` : printable;
}

/** Plain text for places where the editor draws `$(name)` as an icon. */
export function plainTextWithoutIcons(text: string, maximumLength = 256): string {
  return plainText(text, maximumLength).replace(/\$\(/g, '\\$(');
}
