// The extension's texts for code that has them handed in, and how numbers and the forms that go with them are written.
import * as vscode from 'vscode';
import { writeNumbersIn } from '../shared/format';
import { makeTexts } from '../shared/texts';

/** Where there is no translation, all of it is English. */
export const language = vscode.l10n.bundle === undefined ? 'en' : vscode.env.language;

writeNumbersIn(language);

export const texts = makeTexts(language, (text, ...values) => vscode.l10n.t(text, ...values));
export const { plural } = texts;
