// What the built addon needs of the system that it is loaded on.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const addonPath =
  process.env['PROCNETMON_ADDON'] ??
  fileURLToPath(new URL('../../helper/addon/build/Release/procnetmon.node', import.meta.url));

function objdump(option: string): string {
  return execFileSync('objdump', [option, addonPath], { encoding: 'utf8' });
}

function byVersion(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

describe('the built addon', () => {
  it('needs no library but the C library', () => {
    const needed = [...objdump('-p').matchAll(/^\s*NEEDED\s+(\S+)$/gm)].map(([, name]) => name);
    const allowed = /^(libc\.so\.6|libm\.so\.6|libdl\.so\.2|libpthread\.so\.0|ld-linux-[\w-]+\.so\.[12])$/;
    expect(needed).toContain('libc.so.6');
    expect(needed.filter((name) => !allowed.test(name ?? ''))).toEqual([]);
  });

  it('needs no symbol that glibc 2.28 does not have', () => {
    const versions = [...objdump('-T').matchAll(/GLIBC_([\d.]+)/g)].map(([, version]) => version ?? '');
    expect(versions.length).toBeGreaterThan(0);
    expect(byVersion(versions.toSorted(byVersion).at(-1) ?? '', '2.28')).toBeLessThanOrEqual(0);
    expect(objdump('-T')).not.toMatch(/GLIBCXX|CXXABI|LIBBPF|ELFUTILS/);
  });

  it('offers nothing but its entry points', () => {
    const offered = objdump('-T')
      .split('\n')
      .filter((line) => /^[0-9a-f]{8,} g/.test(line) && !line.includes('*UND*'))
      .map((line) => line.trim().split(/\s+/).at(-1));
    expect(offered.toSorted()).toEqual(
      ['napi_register_module_v1', 'node_api_module_get_api_version_v1'].toSorted(),
    );
  });
});
