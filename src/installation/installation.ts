// Where a helper is that was installed for good, and whether it may be used.
import { accessSync, constants, lstatSync } from 'node:fs';
import path from 'node:path';
import { sanitise } from '../shared/sanitise';
import { checkOnlyRootWrites, readTrustedFile } from './trusted-files';

/** The folder, which belongs to root and is open to one group. */
export const installationFolder = '/usr/local/libexec/procnetmon';

/** Names of the files in it. */
export const InstalledFile = {
  /** With file capabilities. */
  Executable: 'procnetmon',
  /** The native part. */
  Addon: 'procnetmon.node',
  /** What was installed: `InstallationRecord`. */
  Record: 'installed.json',
  /** By which helpers that count at the same time agree on their marks. */
  Lock: 'helpers.lock',
} as const;

export interface InstallationRecord {
  version: string;
  group: string;
  /** Whether the folder above was made too; it goes with the installation. */
  madeParent: boolean;
}

/** The installed executable. */
export const installedExecutable = path.join(installationFolder, InstalledFile.Executable);

const maximumRecordBytes = 4_096;

/** What there is of an installed helper. */
export type Installation =
  | { state: 'absent' }
  /** Its files can have been written by root only, it is of the wanted version, and this user may run it. */
  | { state: 'usable'; executable: string }
  /** There is one that must not or cannot be used. `reason` is a sentence. */
  | { state: 'unusable'; reason: string };

/** Looks at the installed helper, and at everything above it, anew at each call. Never throws. */
export function findInstallation(version: string, folder = installationFolder): Installation {
  try {
    lstatSync(folder);
  } catch {
    return { state: 'absent' };
  }
  try {
    const executable = path.join(folder, InstalledFile.Executable);
    for (const name of [InstalledFile.Executable, InstalledFile.Addon])
      checkOnlyRootWrites(path.join(folder, name));
    const record = readRecord(folder);
    if (record?.version !== version) {
      const found =
        record === undefined ? 'of an unknown version' : `version ${sanitise(record.version, 32)}`;
      return { state: 'unusable', reason: `The installed helper is ${found}, version ${version} is needed.` };
    }
    accessSync(executable, constants.X_OK);
    return { state: 'usable', executable };
  } catch (error) {
    return { state: 'unusable', reason: error instanceof Error ? error.message : String(error) };
  }
}

/** What was installed; undefined when nothing was. Throws when somebody else than root could have written it. */
export function readRecord(folder = installationFolder): InstallationRecord | undefined {
  return parseRecord(readTrustedFile(path.join(folder, InstalledFile.Record), maximumRecordBytes));
}

function parseRecord(text: string | undefined): InstallationRecord | undefined {
  if (text === undefined) return undefined;
  try {
    const record = JSON.parse(text) as Partial<InstallationRecord> | null;
    const { version, group, madeParent = false } = record ?? {};
    return typeof version === 'string' && typeof group === 'string'
      ? { version, group, madeParent }
      : undefined;
  } catch {
    return undefined;
  }
}
