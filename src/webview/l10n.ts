// Texts in the editor's language. The host writes the translations into the page, by the English text.
import { writeNumbersIn } from '../shared/format';
import { fillIn, makeTexts } from '../shared/texts';

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

/** Where there is no translation, numbers and the forms that go with them are those of English. */
const language = Object.keys(translations).length === 0 ? 'en' : document.documentElement.lang;

writeNumbersIn(language);

export const texts = makeTexts(language, (text, ...values) => {
  const translated = Object.hasOwn(translations, text) ? translations[text] : undefined;
  return fillIn(typeof translated === 'string' ? translated : text, values);
});

export const { t, plural } = texts;
