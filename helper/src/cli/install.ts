// `procnetmon install` and `uninstall`: a copy of this very helper that belongs to root, and that a group may run with
// just the capabilities that counting takes. Nobody has to type a password from then on.
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { isSea } from 'node:sea';
import {
  InstalledFile,
  type InstallationRecord,
  installationFolder,
  readRecord,
} from '../../../src/installation/installation';
import { quoteValue } from '../../../src/shared/sanitise';
import { checkOnlyRootWrites } from '../../../src/installation/trusted-files';
import { asError, ExitStatus, StartupError } from '../errors';
import type { KernelAddon } from '../kernel';
import { identifyCaller } from '../caller';
import { chargesLockedMemory, raisingCapability } from '../startup';
import { findGroupName, findGroupNumber } from '../users';

/** What the verifier and the hooks ask for at the start; all but the first two are given up before the client speaks. */
const capabilities = ['cap_net_admin', 'cap_bpf', 'cap_perfmon'];
/** To take sockets into account that were opened earlier, where Yama restricts that. */
const lookingCapability = 'cap_sys_ptrace';

/** The file capabilities that the helper gets on this kernel. */
function capabilitiesToGive({ withoutPtrace }: Pick<InstallOptions, 'withoutPtrace'>): string[] {
  return [
    ...capabilities,
    ...(chargesLockedMemory() ? [raisingCapability] : []),
    ...(withoutPtrace ? [] : [lookingCapability]),
  ];
}

export interface InstallOptions {
  addon: KernelAddon;
  version: string;
  /** Name of the group that may run it; the caller's own when absent. */
  group?: string;
  /** Without CAP_SYS_PTRACE. */
  withoutPtrace: boolean;
  /** Say what would be done, and do nothing. */
  dryRun: boolean;
  /** Do not ask. */
  yes: boolean;
  write: (text: string) => void;
}

interface InstalledContent {
  name: string;
  content: Buffer;
  mode: number;
}

/** Resolves with the exit status. */
export async function install(options: InstallOptions): Promise<number> {
  const { addon, write } = options;
  if (!isSea()) {
    throw new StartupError(
      ExitStatus.Failure,
      'Only the executable procnetmon can be installed, and this is plain Node.',
      'Run the executable.',
    );
  }
  const { name: group, gid } = chooseGroup(addon, options.group);
  const given = capabilitiesToGive(options);
  const parent = path.dirname(installationFolder);
  const madeParent = exists(parent) ? (readRecord()?.madeParent ?? false) : true;
  const files = filesToInstall({ version: options.version, group, madeParent });
  write(plan(files, group, given).join('\n') + '\n');
  if (options.dryRun) return ExitStatus.Success;
  requireRoot('install');
  if (!options.yes && !(await agrees())) return declined(write);

  // The mode that is asked for is less what the caller's umask takes away.
  if (mkdirSync(parent, { recursive: true }) !== undefined) chmodSync(parent, 0o755);
  refuseUnsafe(parent);
  removeUnfinished();
  const unfinished = `${installationFolder}.${randomBytes(8).toString('hex')}`;
  try {
    // Nobody can enter it until it is complete.
    mkdirSync(unfinished, { mode: 0o700 });
    for (const file of files) {
      const descriptor = openSync(path.join(unfinished, file.name), 'wx', 0o600);
      try {
        writeFileSync(descriptor, file.content);
        fchownSync(descriptor, 0, gid);
        fchmodSync(descriptor, file.mode);
        // Last: a change of owner takes them away.
        if (file.name === InstalledFile.Executable) addon.setFileCapabilities(descriptor, given);
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    }
    replace(unfinished, gid);
  } catch (error) {
    throw new StartupError(
      ExitStatus.Failure,
      `The helper could not be installed: ${asError(error).message}. Nothing was changed.`,
      'See that /usr/local can be written and its file system keeps capabilities (not NFS, not mounted with nosuid).',
      { cause: error },
    );
  } finally {
    removeFolder(unfinished);
  }
  write(`Installed. Members of the group ${group} count from now on without a password.\n`);
  return ExitStatus.Success;
}

/** Resolves with the exit status. */
export async function uninstall(options: Pick<InstallOptions, 'yes' | 'write'>): Promise<number> {
  const { write } = options;
  if (!exists(installationFolder) && unfinishedFolders().length === 0) {
    write(`Nothing is installed: there is no ${installationFolder}.\n`);
    return ExitStatus.Success;
  }
  write(
    `This removes ${installationFolder} with everything in it. Helpers that run go on until they are ended.\n`,
  );
  requireRoot('uninstall');
  if (!options.yes && !(await agrees())) return declined(write);
  const madeParent = readRecord()?.madeParent ?? false;
  removeFolder(installationFolder);
  removeUnfinished();
  if (madeParent) removeIfEmpty(path.dirname(installationFolder));
  write('Removed.\n');
  return ExitStatus.Success;
}

function declined(write: InstallOptions['write']): number {
  write('Nothing was done.\n');
  return ExitStatus.Failure;
}

function requireRoot(command: string): void {
  if (process.getuid?.() === 0) return;
  throw new StartupError(
    ExitStatus.NoRights,
    `To ${command} needs the rights of root.`,
    `Run "sudo ${quoteIfNeeded(process.execPath)} ${command}".`,
  );
}

function quoteIfNeeded(file: string): string {
  return /^[\w./-]+$/.test(file) ? file : quoteValue(file, 4_096);
}

/** The content comes from the executable that runs, whatever lies at its path by now. */
function filesToInstall(record: InstallationRecord): InstalledContent[] {
  const addonPath = path.join(path.dirname(process.execPath), InstalledFile.Addon);
  return [
    { name: InstalledFile.Executable, content: readFileSync('/proc/self/exe'), mode: 0o750 },
    { name: InstalledFile.Addon, content: readFileSync(addonPath), mode: 0o640 },
    { name: InstalledFile.Record, content: Buffer.from(`${JSON.stringify(record)}\n`), mode: 0o644 },
    { name: InstalledFile.Lock, content: Buffer.alloc(0), mode: 0o660 },
  ];
}

function plan(files: readonly InstalledContent[], group: string, given: readonly string[]): string[] {
  const lines = [`This makes ${installationFolder} (root:${group}, mode 0750) with these files:`];
  for (const { name, content, mode } of files) {
    const hash = createHash('sha256').update(content).digest('hex');
    const size = content.length === 0 ? 'empty' : `${String(content.length)} bytes, SHA-256 ${hash}`;
    lines.push(`  ${name}  root:${group}, mode 0${mode.toString(8)}, ${size}`);
  }
  return [
    ...lines,
    `The first gets the file capabilities ${given.join(', ')}.`,
    `Whoever is in the group ${group} can then count the traffic of their own processes without a password.`,
    'Once it counts, the helper holds cap_net_admin and cap_bpf only, and does nothing that its filter of system calls forbids.',
    'What is copied is the helper that runs now: from here on nobody but root can change it.',
    '"procnetmon uninstall" removes all of it.',
  ];
}

function chooseGroup(addon: KernelAddon, wanted: string | undefined): { name: string; gid: number } {
  if (wanted !== undefined) {
    const gid = findGroupNumber(wanted);
    if (gid !== undefined) return { name: wanted, gid };
    throw new StartupError(
      ExitStatus.Usage,
      `There is no group ${quoteValue(wanted)}.`,
      'Make it with groupadd, or name another one with --group.',
    );
  }
  const { gid, userName } = identifyCaller(addon);
  const name = findGroupName(gid);
  if (name === userName) return { name, gid };
  throw new StartupError(
    ExitStatus.Usage,
    `Your main group (${name ?? String(gid)}) is not yours alone, so it is not taken without a word from you.`,
    'Name the group that may count with --group.',
  );
}

function refuseUnsafe(folder: string): void {
  try {
    checkOnlyRootWrites(folder);
  } catch (error) {
    throw new StartupError(
      ExitStatus.Failure,
      `Nothing is installed below a folder that others than root could change: ${asError(error).message}`,
      'Give it to root, and take the right to write from others (chown root, chmod go-w).',
      { cause: error },
    );
  }
}

/** Puts the finished folder into its place, in the place of an older one. */
function replace(unfinished: string, gid: number): void {
  chownSync(unfinished, 0, gid);
  const former = `${unfinished}.former`;
  const hasFormer = exists(installationFolder);
  if (hasFormer) renameSync(installationFolder, former);
  try {
    renameSync(unfinished, installationFolder);
  } catch (error) {
    if (hasFormer) renameSync(former, installationFolder);
    throw error;
  }
  openUp(installationFolder);
  removeFolder(former);
}

/** Somebody may hold the executable open, or have it mounted elsewhere: nobody is to run it any more. */
function removeFolder(folder: string): void {
  const executable = path.join(folder, InstalledFile.Executable);
  if (exists(executable)) chmodSync(executable, 0);
  rmSync(folder, { recursive: true, force: true });
}

/** What installing has left that was killed. */
function unfinishedFolders(): string[] {
  const parent = path.dirname(installationFolder);
  const name = path.basename(installationFolder);
  return (exists(parent) ? readdirSync(parent) : [])
    .filter(
      (entry) =>
        entry.startsWith(`${name}.`) && /^[0-9a-f]{16}(\.former)?$/.test(entry.slice(name.length + 1)),
    )
    .map((entry) => path.join(parent, entry));
}

function removeUnfinished(): void {
  unfinishedFolders().forEach(removeFolder);
}

function openUp(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fchmodSync(descriptor, 0o750);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Somebody else has put something there.
  }
}

function exists(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

async function agrees(): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new StartupError(
      ExitStatus.Usage,
      'Nobody can be asked, as the input is no terminal.',
      'Say --yes when this is what you want.',
    );
  }
  const questions = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await questions.question('Go on? [y/N] ')).trim());
  } finally {
    questions.close();
  }
}
