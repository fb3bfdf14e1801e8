// Another language for the embedded editor. The pack translates nothing of the editor itself, and the texts of
// extensions are then their own translations.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { stateFolders } from '../../../scripts/editor/code-server.mjs';

/** Gives the editor a language, such as `de`. To be called before it is started. */
export function writeLanguagePack({ user, config }: ReturnType<typeof stateFolders>, language: string): void {
  const translation = path.join(user, `${language}.i18n.json`);
  const pack = {
    hash: language,
    label: language,
    extensions: [{ extensionIdentifier: { id: `procnetmon.test-language-${language}` }, version: '1.0.0' }],
    translations: { vscode: translation },
  };
  mkdirSync(user, { recursive: true });
  writeFileSync(translation, JSON.stringify({ version: '1.0.0', contents: {} }));
  writeFileSync(path.join(user, 'languagepacks.json'), JSON.stringify({ [language]: pack }));
  writeFileSync(config, `locale: ${language}\n`);
}
