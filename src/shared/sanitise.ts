// Other people's bytes, made fit to be shown: process names, command lines, paths, user and interface names.
// What could move a cursor, reorder a line or hide text never gets past here.

/**
 * Characters that are shown as U+FFFD: control characters (C0, DEL, C1), everything that changes the
 * direction of text, separators of lines, zero-width characters, tags, non-characters and lone surrogates.
 */
const unprintable =
  /[\p{Cc}\p{Cs}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\u{e0000}-\u{e007f}]/gu;

/** Blanks that people put into command lines; each is shown as one blank. */
const blanks = /[\t\n\v\f\r]/g;

const replacement = '\ufffd';

/**
 * Makes text safe to show, on a terminal as well as in a view. Markup is not escaped: never use it as such.
 * @param maximumLength characters (UTF-16 units) of the result; longer text is cut and ends in an ellipsis
 */
export function sanitise(text: string, maximumLength = 256): string {
  // Cutting first bounds the work; no replacement below makes text longer.
  const cut = text.length > maximumLength;
  const kept = cut ? text.slice(0, Math.max(0, maximumLength - 1)) : text;
  const clean = kept.replace(blanks, ' ').replace(unprintable, replacement);
  return cut && maximumLength > 0 ? `${clean}…` : clean;
}

/**
 * Names a refused value in an error: as JSON, sanitised and cut, so that a hostile value stays one short line.
 */
export function quoteValue(value: unknown, maximumLength = 64): string {
  if (typeof value === 'string') {
    return `"${sanitise(value.slice(0, maximumLength + 1), maximumLength).replaceAll('"', "'")}"`;
  }
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  if (Array.isArray(value)) return `an array of ${String(value.length)}`;
  return value === undefined ? 'nothing' : `a value of type ${typeof value}`;
}
