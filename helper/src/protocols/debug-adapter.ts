// The Debug Adapter Protocol, and the Language Server Protocol with which it shares its framing.
import { latin1 } from './bytes';
import type { Opening, Verdict } from './opening';

const lookedAt = 1_024;
const headerStart = 'Content-Length: ';

export function probeDebugAdapter({ client, server, clientEnded, serverEnded }: Opening): Verdict {
  const asked = message(client, clientEnded);
  if (typeof asked === 'object' && asked.certainty === 'certain') return asked;
  const answered = message(server, serverEnded);
  if (typeof answered === 'object') return answered;
  return asked ?? answered;
}

function message(bytes: Uint8Array, ended: boolean): Verdict {
  if (bytes.length === 0) return undefined;
  const text = latin1(bytes, 0, lookedAt);
  if (!text.startsWith(headerStart)) return headerStart.startsWith(text) && !ended ? 'more' : undefined;
  const header = /^Content-Length: \d{1,9}\r\n(Content-Type: [^\r\n]{1,100}\r\n)?\r\n/.exec(text);
  const waits = !ended && text.length < lookedAt;
  if (header === null) return waits && !text.includes('\r\n\r\n') ? 'more' : undefined;
  const json = text.slice(header[0].length);
  if (json === '') return waits ? 'more' : undefined;
  if (!json.startsWith('{')) return undefined;
  if (/"jsonrpc"\s*:\s*"2\.0"/.test(json)) return { application: 'lsp', certainty: 'certain' };
  const kind = /"type"\s*:\s*"(request|response|event)"/.test(json);
  const what = /"(command|event)"\s*:\s*"[A-Za-z]{3,40}"/.test(json);
  const sequence = /"(seq|request_seq)"\s*:\s*\d/.test(json);
  if (what && (kind || sequence)) return { application: 'dap', certainty: 'certain' };
  if (waits && !isWhole(text, header[0])) return 'more';
  return what ? { application: 'dap', certainty: 'likely' } : undefined;
}

function isWhole(text: string, header: string): boolean {
  return text.length >= header.length + Number(/\d+/.exec(header)?.[0] ?? 0);
}
