// Texts in the user's language: for code that more than one side uses, and for the forms that go with a number.
import { formatCount } from './format';

type Value = string | number;

export interface Texts {
  /** The text in the user's language, `{0}` and so on replaced by what follows. */
  t: (text: string, ...values: Value[]) => string;
  /** One of two texts, by the number, which is `{0}` in them; what follows is `{1}` and so on. */
  plural: (count: number, one: string, other: string, ...values: Value[]) => string;
}

/**
 * @param language that of the translations, with no more than two forms by number
 * @param translate translates an English text and fills in the values
 */
export function makeTexts(language: string, translate: Texts['t']): Texts {
  const rules = new Intl.PluralRules(language);
  return {
    t: translate,
    plural: (count, one, other, ...values) =>
      translate(rules.select(count) === 'one' ? one : other, formatCount(count), ...values),
  };
}

/** Replaces `{0}` and so on. */
export function fillIn(text: string, values: readonly Value[]): string {
  return text.replace(/\{(\d+)\}/g, (place, index) => `${values[Number(index)] ?? place}`);
}

export const english: Texts = makeTexts('en', (text, ...values) => fillIn(text, values));
