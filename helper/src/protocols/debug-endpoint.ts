// The HTTP side of the debugging protocols of Node.js and Chrome: lists of what can be debugged, below /json.
import type { ApplicationId } from './applications';
import { latin1 } from './bytes';

const listPath = /^\/json(\/(version|list|protocol|new|activate\/.*|close\/.*))?\/?$/;
/** Bytes of an answer that are looked at. */
export const lookedAtForDebugger = 1_024;

/** Whether a path is one under which debugging is offered. */
export function isDebugEndpoint(path: string): boolean {
  return listPath.test(path);
}

/** Which program answers, from the first bytes of an answer; nothing of them is kept. */
export function debuggerOfAnswer(bytes: Uint8Array): ApplicationId | undefined {
  const text = latin1(bytes, 0, bytes.length);
  if (/"Browser":\s*"node\.js\//.test(text) || /"type":\s*"node"/.test(text)) return 'node-inspector';
  if (/"Browser":\s*"[A-Za-z]+\//.test(text) && text.includes('"webSocketDebuggerUrl"'))
    return 'chrome-devtools';
  return text.includes('"devtoolsFrontendUrl"') ? 'chrome-devtools' : undefined;
}
