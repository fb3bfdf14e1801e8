// The emulator: which one is used, and one run of a virtual machine.
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { findCommand } from '../../scripts/lib/commands.mjs';
import { NotToBeHad, unpackedPackages } from '../debian/unpacked-packages.mjs';

// QEMU 7.2 spoils the flags after a `cmpxchg16b`: kernels from 6.12 on crash now and then.
const oldestGoodVersion = 8;
const program = 'qemu-system-x86_64';

// Programs choose the widest instructions of vectors that they find, and those are what is slowest to emulate: with
// `max` the start of the helper takes a third longer.
const processor = 'Nehalem';

/** @typedef {{ command: string, libraries: string[], firmware: string[] }} Emulator */

function majorVersion(command) {
  const text = execFileSync(command, ['--version'], { encoding: 'utf8' });
  return Number(/version (\d+)/.exec(text)?.[1] ?? 0);
}

/**
 * The machine's own emulator where it is good enough, or that of Debian's backports, unpacked beside.
 * @returns {Promise<Emulator>}
 */
export async function findEmulator(options) {
  const own = findCommand(program);
  if (own !== undefined && majorVersion(own) >= oldestGoodVersion)
    return { command: own, libraries: [], firmware: [] };
  const folder = await unpackedPackages(
    'qemu',
    ['HERE', 'HERE-security', 'HERE-backports'],
    (apt) => apt.missingFor(['qemu-system-x86'], `${apt.codename}-backports`),
    { ...options, asInstalledHere: true },
  );
  const command = path.join(folder, 'usr/bin', program);
  if (!existsSync(command))
    throw new NotToBeHad(`There is no ${program} in version ${oldestGoodVersion} or later`);
  const inFolders = (roots, names) =>
    roots.flatMap((root) => names.map((name) => path.join(root, name))).filter(existsSync);
  return {
    command,
    // Bookworm's packages still have libraries in both.
    libraries: inFolders([folder], ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu']),
    firmware: inFolders([folder, '/'], ['usr/share/qemu', 'usr/share/seabios']),
  };
}

/**
 * Boots a kernel and hands out the lines that it writes to its second serial line. Ends with the machine, or when that
 * has written none for `silenceMillis`.
 * @param {Emulator} emulator
 * @param {{ image: string, initramfs: string, console: string, silenceMillis: number, line: (text: string) => void }} machine
 * @returns {Promise<'ended' | 'fell silent'>}
 */
export async function boot(emulator, { image, initramfs, console, silenceMillis, line }) {
  const kernelArguments = [
    ...['console=ttyS0', 'rootfstype=ramfs', 'quiet', 'panic=-1', 'oops=panic'],
    ...['mitigations=off', 'tsc=reliable', 'no_timer_check'],
  ];
  const args = [
    ...['-M', 'pc', '-accel', 'tcg,thread=multi,tb-size=512', '-cpu', processor, '-smp', '2', '-m', '2048'],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...emulator.firmware.flatMap((folder) => ['-L', folder]),
    ...['-kernel', image, '-initrd', initramfs, '-append', kernelArguments.join(' ')],
    ...[
      '-serial',
      `file:${console}`,
      '-chardev',
      'stdio,id=results,signal=off',
      '-serial',
      'chardev:results',
    ],
  ];
  const libraryPath = [...emulator.libraries, process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':');
  const machine = spawn(emulator.command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, LD_LIBRARY_PATH: libraryPath },
  });
  let result = 'ended';
  const timer = setTimeout(() => {
    result = 'fell silent';
    machine.kill('SIGKILL');
  }, silenceMillis);
  const stop = () => machine.kill('SIGKILL');
  process.once('exit', stop);
  try {
    const closed = once(machine, 'close');
    createInterface({ input: machine.stdout }).on('line', (text) => {
      timer.refresh();
      line(text.replaceAll('\r', ''));
    });
    await closed;
  } finally {
    clearTimeout(timer);
    process.off('exit', stop);
  }
  return result;
}
