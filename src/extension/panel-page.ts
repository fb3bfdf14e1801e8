// The page of the panel, around the script that makes everything visible in it.

export interface PanelPageParts {
  /** Where the script and the style sheet are, as the page may load them. */
  script: string;
  style: string;
  /** Source expression of the content-security policy for the style sheet. */
  styleSource: string;
  /** Random, and new for every page. */
  nonce: string;
  /** The editor's language, such as `de`. */
  language?: string;
  /** Title of the page, in that language. */
  title?: string;
  /** Translations by the English text; empty where the language is English. */
  translations?: Readonly<Record<string, unknown>>;
  /** See `PanelPreferences`. */
  preferences?: unknown;
  /** What the page lies in: it takes that one's background. */
  place?: 'panel' | 'editor';
}

function escape(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

/** Writes the page. Its policy lets in this one script and the style sheet, and nothing else from anywhere. */
export function panelPage(parts: PanelPageParts): string {
  const {
    script,
    style,
    styleSource,
    nonce,
    language = 'en',
    title = 'Network Usage',
    place = 'panel',
  } = parts;
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${styleSource};`;
  const translations = escape(JSON.stringify(parts.translations ?? {}));
  const preferences = escape(JSON.stringify(parts.preferences ?? {}));
  return `<!DOCTYPE html>
<html lang="${escape(language)}" data-translations="${translations}" data-preferences="${preferences}" data-place="${place}">
<head>
  <meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="${policy}">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${escape(title)}</title>
  <link rel="stylesheet" href="${style}">
</head>
<body>
  <script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
