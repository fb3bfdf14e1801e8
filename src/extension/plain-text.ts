// Other people's bytes where the editor draws icons within text, such as the labels of a quick pick.
import { sanitise } from '../shared/sanitise';

/** Safe to show in one line, and without icons: `$(name)` stays what it is. Longer text is cut. */
export function plainTextWithoutIcons(text: string, maximumLength = 256): string {
  return sanitise(text, maximumLength).replace(/\$\(/g, '\\$(');
}
