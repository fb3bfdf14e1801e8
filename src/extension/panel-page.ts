// The page of the panel, around the script that makes everything visible in it.

export interface PanelPageParts {
  /** Where the script and the style sheet are, as the page may load them. */
  script: string;
  style: string;
  /** Source expression of the content-security policy for the style sheet. */
  styleSource: string;
  /** Random, and new for every page. */
  nonce: string;
}

/** Writes the page. Its policy lets in this one script and the style sheet, and nothing else from anywhere. */
export function panelPage({ script, style, styleSource, nonce }: PanelPageParts): string {
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${styleSource};`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="${policy}">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Network Usage</title>
  <link rel="stylesheet" href="${style}">
</head>
<body>
  <script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
