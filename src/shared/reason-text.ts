// Why a connection failed or ended early, in words.
import type { FlowReason } from './protocol';
import { sanitise } from './sanitise';
import { english, type Texts } from './texts';

const words: Record<FlowReason, (texts: Texts) => string> = {
  refused: ({ t }) => t('refused'),
  reset: ({ t }) => t('reset by peer'),
  'timed-out': ({ t }) => t('timed out'),
  'network-unreachable': ({ t }) => t('network unreachable'),
  'host-unreachable': ({ t }) => t('host unreachable'),
  'protocol-unreachable': ({ t }) => t('protocol unreachable'),
  'port-unreachable': ({ t }) => t('port unreachable'),
  prohibited: ({ t }) => t('prohibited'),
  'hop-limit-exceeded': ({ t }) => t('hop limit exceeded'),
  unreachable: ({ t }) => t('unreachable'),
  aborted: ({ t }) => t('aborted here'),
  'local-error': ({ t }) => t('error here'),
};

/** Empty where there is no reason; what is no `FlowReason`, as a file may have it, stands as it is, clean. */
export function reasonText(reason: string | undefined, texts: Texts = english): string {
  if (reason === undefined) return '';
  return Object.hasOwn(words, reason) ? words[reason as FlowReason](texts) : sanitise(reason, 64);
}
