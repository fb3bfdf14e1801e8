// The editor's colours for what is drawn on a canvas, where style sheets do not reach.

export interface ChartTheme {
  sent: string;
  received: string;
  /** Of the layers, from the axis outwards; the last one for what is not told apart. */
  layers: string[];
  background: string;
  selection: string;
  /** Of marks. */
  mark: string;
  failure: string;
  text: string;
  grid: string;
  /** The line between sent and received. */
  axis: string;
  /** Canvas font. */
  font: string;
  highContrast: boolean;
}

/** Reads the theme as it is now. */
export function readTheme(): ChartTheme {
  const style = getComputedStyle(document.body);
  const colour = (...names: string[]): string => {
    for (const name of names) {
      const value = style.getPropertyValue(`--vscode-${name}`).trim();
      if (value !== '') return value;
    }
    return style.color;
  };
  const foreground = colour('foreground');
  const highContrast = /\bvscode-high-contrast/.test(document.body.className);
  return {
    sent: colour('charts-yellow'),
    received: colour('charts-blue'),
    layers: ['blue', 'yellow', 'green', 'purple', 'orange', 'red']
      .map((name) => colour(`charts-${name}`))
      .concat(colour('charts-foreground', 'foreground')),
    background: colour('panel-background', 'editor-background'),
    selection: colour('focusBorder'),
    mark: foreground,
    failure: colour('errorForeground', 'charts-red'),
    text: highContrast ? foreground : colour('descriptionForeground', 'foreground'),
    grid: highContrast ? `color-mix(in srgb, ${foreground} 30%, transparent)` : faint(foreground),
    axis: highContrast ? colour('contrastBorder', 'foreground') : colour('charts-lines', 'foreground'),
    font: `11px ${style.fontFamily}`,
    highContrast,
  };
}

function faint(colour: string): string {
  return `color-mix(in srgb, ${colour} 12%, transparent)`;
}

/** Calls back whenever the editor gives the page another theme, font or zoom. */
export function onThemeChange(listener: () => void): void {
  const observer = new MutationObserver(listener);
  // VS Code writes the variables into the style of the root element, the kind of theme into the body's class.
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style', 'class'] });
  observer.observe(document.body, { attributes: true, attributeFilter: ['style', 'class'] });
}
