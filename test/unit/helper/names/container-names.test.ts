// Containers by their addresses, from a tree of files like those of the kernel, Docker and Podman.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  addressesOfNamespace,
  containerOfCgroup,
  ContainerNames,
} from '../../../../helper/src/names/container-names';

const id = '0123456789abcdef'.repeat(4);
const otherId = 'fedcba9876543210'.repeat(4);

let folder: string;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

/** A process in a network namespace of its own. */
function addProcess(pid: number, cgroup: string, address: string, hostname?: string): void {
  write(`proc/${String(pid)}/cgroup`, `0::${cgroup}\n`);
  write(`proc/${String(pid)}/net/fib_trie`, `Local:\n  +-- 0\n     |-- ${address}\n        /32 host LOCAL\n`);
  if (hostname !== undefined) write(`proc/${String(pid)}/root/etc/hostname`, `${hostname}\n`);
  mkdirSync(join(folder, `proc/${String(pid)}/ns`), { recursive: true });
  symlinkSync(`net:[${String(pid)}]`, join(folder, `proc/${String(pid)}/ns/net`));
}

function containers(): ContainerNames {
  return new ContainerNames({
    processFolder: join(folder, 'proc'),
    dockerFolders: [join(folder, 'docker')],
    podmanLists: [join(folder, 'podman.json')],
  });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'procnetmon-containers-'));
  mkdirSync(join(folder, 'proc/self/ns'), { recursive: true });
  symlinkSync('net:[1]', join(folder, 'proc/self/ns/net'));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('a cgroup', () => {
  it.each([
    [`0::/system.slice/docker-${id}.scope`, { id }],
    [`12:cpu:/docker/${id}\n0::/`, { id }],
    [`0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${id}.scope/container`, { id }],
    [`0::/kubepods.slice/kubepods-pod1_2.slice/cri-containerd-${id}.scope`, { id }],
    ['0::/lxc.payload.web/init.scope', { name: 'web' }],
    ['0::/machine.slice/machine-db.scope', { name: 'db' }],
    ['0::/user.slice/session-1.scope', undefined],
    [`0::/app-${id}0.scope`, undefined],
  ])('%s tells its container', (text, container) => {
    expect(containerOfCgroup(text)).toEqual(container);
  });
});

it('the addresses of a namespace leave loopback and link-local ones out', () => {
  const trie = [
    '     |-- 127.0.0.1',
    '        /32 host LOCAL',
    '     |-- 10.88.0.5',
    '        /32 host LOCAL',
    '     |-- 10.88.0.0',
    '        /16 link UNICAST',
  ].join('\n');
  const six = [
    '00000000000000000000000000000001 01 80 10 80       lo',
    'fe800000000000000000000000000001 02 40 20 80     eth0',
    'fd000000000000000000000000000005 02 40 00 80     eth0',
    '',
  ].join('\n');
  expect(addressesOfNamespace(trie, six)).toEqual(['10.88.0.5', 'fd00::5']);
});

describe('containers', () => {
  it('of Docker are named by its state', () => {
    const state = (name: string, running: boolean, address: string): string =>
      JSON.stringify({
        Name: name,
        State: { Running: running },
        NetworkSettings: { Networks: { bridge: { IPAddress: address, GlobalIPv6Address: '' } } },
      });
    write(`docker/${id}/config.v2.json`, state('/shop-db-1', true, '172.17.0.2'));
    write(`docker/${otherId}/config.v2.json`, state('/stopped', false, '172.17.0.3'));
    write('docker/broken/config.v2.json', '{"Name":');
    const names = containers();
    expect(names.find('172.17.0.2', 0)).toBe('shop-db-1');
    expect(names.find('172.17.0.3', 0)).toBeUndefined();
  });

  it('of Podman are named by its list, and found by their processes', () => {
    write('podman.json', JSON.stringify([{ id, names: ['queue'] }, null, { id: 7 }]));
    addProcess(100, `/machine.slice/libpod-${id}.scope/container`, '10.88.0.5', 'ignored');
    expect(containers().find('10.88.0.5', 0)).toBe('queue');
  });

  it('of others are named by their host name, or their id', () => {
    addProcess(100, `/kubepods/cri-containerd-${id}.scope`, '10.1.0.1', 'web-7d4b9c');
    addProcess(101, `/kubepods/cri-containerd-${otherId}.scope`, '10.1.0.2', 'bad\u001bname');
    addProcess(102, '/user.slice', '10.1.0.3', 'no-container');
    const names = containers();
    expect(names.find('10.1.0.1', 0)).toBe('web-7d4b9c');
    expect(names.find('10.1.0.2', 0)).toBe(otherId.slice(0, 12));
    expect(names.find('10.1.0.3', 0)).toBeUndefined();
  });

  it('have no host name through a link, which would lead to a file of this machine', () => {
    addProcess(100, `/kubepods/cri-containerd-${id}.scope`, '10.1.0.1');
    write('hostname', 'of-this-machine');
    mkdirSync(join(folder, 'proc/100/root/etc'), { recursive: true });
    symlinkSync(join(folder, 'hostname'), join(folder, 'proc/100/root/etc/hostname'));
    expect(containers().find('10.1.0.1', 0)).toBe(id.slice(0, 12));
  });

  it('are looked for again after a while', () => {
    const names = containers();
    expect(names.find('10.1.0.1', 0)).toBeUndefined();
    addProcess(100, '/machine.slice/machine-late.scope', '10.1.0.1');
    expect(names.find('10.1.0.1', 1e9)).toBeUndefined();
    expect(names.find('10.1.0.1', 6e9)).toBe('late');
  });
});
