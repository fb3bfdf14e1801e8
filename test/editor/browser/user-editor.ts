// The embedded editor as another user of this machine runs it: in that user's home, with a copy of the demo
// and the packed extension. The editor itself stays in the cache of whoever runs the tests and is shown to the
// user by a mount that nobody else sees and that goes away with the editor.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import {
  type CodeServer,
  installExtensions,
  quietSettings,
  startCodeServer,
  stateFolders,
  writeSettings,
} from '../../../scripts/editor/code-server.mjs';
import { installCodeServer } from '../../../scripts/editor/install-code-server.mjs';
import { inProject } from '../../../scripts/lib/paths.mjs';
import { adaptersPackageFile, packageFile } from '../../../scripts/package.mjs';
import type { TemporaryUser } from './temporary-user';

export interface UserEditor extends CodeServer {
  /** The user's copy of the demo. */
  readonly workspace: string;
}

/** Starts the editor as the user. */
export async function startEditorAs(user: TemporaryUser): Promise<UserEditor> {
  const shared = await installCodeServer();
  const mounted = path.join(user.home, 'code-server');
  const workspace = path.join(user.home, 'demo');
  const packages = path.join(user.home, 'packages');
  const folders = stateFolders(path.join(user.home, 'editor'));

  mkdirSync(mounted);
  cpSync(inProject('demo'), workspace, { recursive: true });
  mkdirSync(packages);
  const files = [packageFile, adaptersPackageFile].map((file) => path.join(packages, path.basename(file)));
  cpSync(packageFile, files[0] ?? '');
  cpSync(adaptersPackageFile, files[1] ?? '');
  await writeSettings(folders, quietSettings);
  giveTo(user, user.home);

  const inMount = (file: string) => path.join(mounted, path.relative(shared.folder, file));
  const installation = { node: inMount(shared.node), entry: inMount(shared.entry) };
  const wrap = (command: string[]) => asUser(user, shared.folder, mounted, command);
  await installExtensions(installation, folders, files, { wrap });
  const editor = await startCodeServer(installation, { folders, wrap });
  return { ...editor, workspace };
}

function giveTo(user: TemporaryUser, folder: string): void {
  execFileSync('chown', ['--recursive', `${user.uid}:${user.gid}`, folder]);
}

/** The command with the user's rights, and with `source` shown at `target`, not writable. */
function asUser(user: TemporaryUser, source: string, target: string, command: string[]): string[] {
  const mount = 'mount --bind "$1" "$2" && mount -o remount,bind,ro "$2" && shift 2 && exec "$@"';
  const rights = [
    'setpriv',
    ...['--reuid', String(user.uid), '--regid', String(user.gid), '--init-groups'],
    ...['--inh-caps=-all', '--pdeathsig', 'SIGTERM', '--'],
  ];
  const home = [
    'env',
    '-u',
    'XDG_CACHE_HOME',
    '-u',
    'XDG_RUNTIME_DIR',
    `HOME=${user.home}`,
    `USER=${user.name}`,
    `LOGNAME=${user.name}`,
  ];
  return [
    ...['unshare', '--mount', '--propagation', 'private'],
    ...['sh', '-c', mount, 'sh', source, target],
    ...[...rights, ...home, ...command],
  ];
}
