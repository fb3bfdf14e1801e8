// What the tests of the suite share: the extension under test, waiting for what it reports, debug sessions.
import { strict as assert } from 'node:assert';
import { globSync, readFileSync, watch } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { ExtensionApi } from '../../../src/extension/extension-api';
import type { WatchedSession } from '../../../src/extension/sessions';
import type { TreeNode } from '../../../src/extension/tree-nodes';

export function extension(): vscode.Extension<ExtensionApi> {
  const found = vscode.extensions.getExtension<ExtensionApi>('procnetmon.procnetmon');
  assert.ok(found, 'The extension under test is not installed.');
  return found;
}

/** Resolves with the first answer of `look` that is not undefined: now, or after a change in the store. */
export async function eventually<T>(look: (api: ExtensionApi) => T | undefined): Promise<T> {
  const api = await extension().activate();
  return new Promise((resolve, reject) => {
    const check = (): boolean => {
      try {
        const found = look(api);
        if (found === undefined) return false;
        resolve(found);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
      return true;
    };
    if (check()) return;
    const listener = api.store.onDidChange(() => {
      if (check()) listener.dispose();
    });
  });
}

/** The newest session with that label, once it is in one of these states. */
export function sessionIn(label: string, ...states: WatchedSession['state'][]): Promise<WatchedSession> {
  return eventually(({ store }) => {
    const session = store.sessions.findLast((each) => each.label === label);
    // A session that failed will not get into another state.
    if (session?.state === 'failed' && !states.includes('failed')) {
      throw new Error(`${label}: ${session.failure?.message ?? 'failed'}`);
    }
    return session !== undefined && states.includes(session.state) ? session : undefined;
  });
}

/** That session, once something holds for it. */
export function sessionWith(
  { id }: WatchedSession,
  holds: (session: WatchedSession) => boolean,
): Promise<WatchedSession> {
  return eventually(({ store }) => {
    const session = store.get(id);
    return session !== undefined && holds(session) ? session : undefined;
  });
}

/** Starts a launch configuration of the workspace. */
export async function startDebugging(name: string): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(await vscode.debug.startDebugging(folder, name), `${name} was not started.`);
}

/** Ends all debug sessions and waits until they are over in the store. */
export async function stopDebugging(): Promise<void> {
  await vscode.debug.stopDebugging();
  await eventually(({ store }) =>
    store.sessions.every(({ origin, state }) => origin !== 'debug' || state === 'ended' || state === 'failed')
      ? true
      : undefined,
  );
}

/** What the extension has written into its log, once it has a part like that. */
export async function logged(pattern: RegExp): Promise<string> {
  const userData = process.env['PROCNETMON_USER_DATA'] ?? '';
  // From the file: the view of a log holds only its end, and that only while it shows.
  const read = (): string => {
    const files = globSync('logs/**/ProcNetMon.log', { cwd: userData });
    return files.map((file) => readFileSync(path.join(userData, file), 'utf8')).join('');
  };
  return new Promise((resolve) => {
    const watcher = watch(path.join(userData, 'logs'), { recursive: true });
    const look = (): void => {
      const found = pattern.exec(read());
      if (found === null) return;
      watcher.close();
      resolve(found[0]);
    };
    watcher.on('change', look);
    look();
  });
}

export interface DrawnNode {
  label: string;
  description: string;
  children: DrawnNode[];
}

/** What the tree shows below a node, all of it. */
export async function drawTree(node?: TreeNode): Promise<DrawnNode[]> {
  const { tree } = await extension().activate();
  const children = tree.getChildren(node);
  return Promise.all(
    children.map(async (child) => {
      const { label, description } = tree.getTreeItem(child);
      return {
        label: typeof label === 'string' ? label : (label?.label ?? ''),
        description: typeof description === 'string' ? description : '',
        children: await drawTree(child),
      };
    }),
  );
}

/** Changes settings for the length of the suite's run: its user folder is thrown away. */
export async function setSetting(name: string, value: unknown): Promise<void> {
  const inForce = (): boolean => vscode.workspace.getConfiguration('procnetmon').get(name) === value;
  // The editor may have written the setting some time before this process hears of it.
  let listening: vscode.Disposable | undefined;
  const heard = new Promise<void>((resolve) => {
    listening = vscode.workspace.onDidChangeConfiguration(() => inForce() && resolve());
  });
  try {
    await vscode.workspace
      .getConfiguration('procnetmon')
      .update(name, value, vscode.ConfigurationTarget.Global);
    if (!inForce()) await heard;
  } finally {
    listening?.dispose();
  }
}
