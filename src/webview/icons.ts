// The few pictures on buttons, drawn here in the editor's measure of 16 pixels.

const paths = {
  pause: 'M4 3h3v10H4zM9 3h3v10H9z',
  resume: 'M4 3l9 5-9 5z',
  table: 'M2 3h12v10H2zm1 3v2h4V6zm5 0v2h5V6zM3 9v3h4V9zm5 0v3h5V9z',
  chart: 'M2 2h1v11h11v1H2zM4 10l3-4 2 2 4-5 1 1-5 6-2-2-2 3z',
  columns: 'M2 3h12v10H2zm1 1v8h3V4zm4 0v8h2V4zm3 0v8h3V4z',
  bookmark: 'M4 2h8v12l-4-3-4 3zm1 1v9l3-2.2 3 2.2V3z',
  close: 'M4 3.3 8 7.3l4-4 .7.7-4 4 4 4-.7.7-4-4-4 4-.7-.7 4-4-4-4z',
  up: 'M8 4l5 6H3z',
  down: 'M8 12L3 6h10z',
} as const;

export type IconName = keyof typeof paths;

const namespace = 'http://www.w3.org/2000/svg';

/** A picture without meaning of its own: the button has a label. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(namespace, 'svg');
  for (const [attribute, value] of Object.entries({
    viewBox: '0 0 16 16',
    width: '16',
    height: '16',
    'aria-hidden': 'true',
    focusable: 'false',
  })) {
    svg.setAttribute(attribute, value);
  }
  const path = document.createElementNS(namespace, 'path');
  path.setAttribute('d', paths[name]);
  path.setAttribute('fill', 'currentColor');
  path.setAttribute('fill-rule', 'evenodd');
  svg.append(path);
  return svg;
}
