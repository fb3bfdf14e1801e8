// Texts in the editor's language. The host writes the translations into the page, by the English text.

const translations = read();

function read(): Readonly<Record<string, unknown>> {
  // Plain code is tested outside of a page.
  if (typeof document === 'undefined') return {};
  try {
    const value: unknown = JSON.parse(document.documentElement.dataset['translations'] ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The text in the editor's language, `{0}` and so on replaced by what follows. */
export function t(text: string, ...values: (string | number)[]): string {
  const translated = Object.hasOwn(translations, text) ? translations[text] : undefined;
  const template = typeof translated === 'string' ? translated : text;
  return template.replace(/\{(\d+)\}/g, (place, index) => `${values[Number(index)] ?? place}`);
}

/** One of two texts, by number; `{0}` is the number. */
export function plural(count: number, one: string, many: string, shown: string | number = count): string {
  return count === 1 ? t(one, shown) : t(many, shown);
}
