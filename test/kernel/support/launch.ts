// Starts the helper just as the extension does, in a process of its own: for tests that are another user there. Takes
// its orders as JSON in the first argument, and prints what came of it as JSON.
import { setTimeout as delay } from 'node:timers/promises';
import { HelperStartError, launchHelper, type HelperProcess } from '../../../src/extension/helper-process';
import { findInstallation } from '../../../src/installation/installation';
import { protocolVersion } from '../../../src/shared/protocol';
import { encodeFrame } from '../../../helper/src/rpc/framing';

export interface LaunchOrders {
  executable: string;
  askpassScript: string;
  sudo: string;
  /** What is typed into the password box; null closes it. */
  answer: string | null;
  /** Version of the installed helper that may be used. */
  version: string;
  /** How long the helper is kept, in milliseconds. */
  keepMillis: number;
}

export interface LaunchOutcome {
  failure?: string;
  refusal?: string;
  /** The command that led to the helper. */
  command?: string;
  questions: number;
  log: string[];
}

const orders = JSON.parse(process.argv[2] ?? '') as LaunchOrders;
const outcome: LaunchOutcome = { questions: 0, log: [] };

async function connect(helper: HelperProcess): Promise<HelperProcess> {
  const params = {
    processId: null,
    rootUri: null,
    capabilities: {},
    initializationOptions: { protocolVersion },
  };
  helper.child.stdin.write(
    encodeFrame(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })),
  );
  await new Promise<void>((resolve, reject) => {
    helper.child.stdout.once('data', () => resolve());
    helper.child.stdout.once('end', () => reject(new Error('It ended without an answer.')));
    helper.child.once('error', reject);
  });
  return helper;
}

try {
  const helper = await launchHelper({
    ...orders,
    node: process.execPath,
    isRoot: process.getuid?.() === 0,
    installation: () => findInstallation(orders.version),
    asking: 'if-needed',
    ask: () => {
      outcome.questions += 1;
      return Promise.resolve(orders.answer ?? undefined);
    },
    log: (line) => outcome.log.push(line),
    connect,
  });
  outcome.command = helper.child.spawnargs.join(' ');
  await delay(orders.keepMillis);
  helper.child.stdin.end();
  await helper.exited;
} catch (error) {
  if (!(error instanceof HelperStartError)) throw error;
  outcome.failure = error.failure;
  if (error.refusal !== undefined) outcome.refusal = error.refusal.message;
}
process.stdout.write(JSON.stringify(outcome));
