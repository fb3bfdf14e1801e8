// Other people's text made fit to be shown: names and addresses come from programs that may mean harm.

/** Control characters, and those that change the direction of text or cannot be seen. */
const deceptive = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;

/** Replaces what would deceive a reader by `�`; everything else stays. */
export function visibleText(text: string): string {
  return text.replace(deceptive, '\ufffd');
}

/** A key by which texts sort without regard to case, numbers in them by their size. */
export function sortKey(text: string): string {
  return text.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(10, '0'));
}
