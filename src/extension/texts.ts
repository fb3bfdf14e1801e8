// The extension's texts for code that has them handed in, and the forms that go with a number.
import * as vscode from 'vscode';
import { makeTexts } from '../shared/texts';

/** Where there is no translation, the forms are those of English. */
const language = vscode.l10n.bundle === undefined ? 'en' : vscode.env.language;

export const texts = makeTexts(language, (text, ...values) => vscode.l10n.t(text, ...values));
export const { plural } = texts;
