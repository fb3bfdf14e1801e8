// Other people's bytes where the editor makes more than text of them: icons in the labels of a quick pick, links in
// the messages that it shows.
import { sanitise } from '../shared/sanitise';

/** Safe to show in one line, and without icons: `$(name)` stays what it is. Longer text is cut. */
export function plainTextWithoutIcons(text: string, maximumLength = 256): string {
  return sanitise(text, maximumLength).replace(/\$\(/g, '\\$(');
}

/** Safe to show as a message, and without links: a link in a message may run a command. Longer text is cut. */
export function plainTextWithoutLinks(text: string): string {
  return sanitise(text, 1_000).replace(/\]\(/g, '] (');
}
