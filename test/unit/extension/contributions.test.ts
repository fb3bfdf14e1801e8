// package.json and the code name the same commands, views, context keys and settings.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  Command,
  commandCategory,
  ContextKey,
  helperStates,
  Setting,
  settingsSection,
  TreeItemContext,
  View,
  ViewContainer,
} from '../../../src/extension/contributions';
import { sessionLimitRanges } from '../../../src/extension/setting-values';
import { limits } from '../../../src/shared/protocol';

interface Contribution {
  command: string;
  title: string;
  category: string;
  when?: string;
}

interface SettingSchema {
  default: unknown;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
  scope: string;
}

interface Manifest {
  activationEvents: string[];
  extensionKind: string[];
  capabilities: {
    untrustedWorkspaces: { supported: string; restrictedConfigurations: string[] };
    virtualWorkspaces: { supported: boolean };
  };
  contributes: {
    commands: Contribution[];
    menus: Record<string, { command: string; when?: string }[]>;
    views: Record<string, { id: string }[]>;
    viewsContainers: Record<string, { id: string }[]>;
    keybindings: { command: string; key: string; when: string }[];
    viewsWelcome: { view: string; contents: string; when: string }[];
    configuration: { properties: Record<string, SettingSchema> };
  };
}

const root = path.resolve(import.meta.dirname, '../../..');
const manifestText = readFileSync(path.join(root, 'package.json'), 'utf8');
const manifest = JSON.parse(manifestText) as Manifest;
const texts = JSON.parse(readFileSync(path.join(root, 'package.nls.json'), 'utf8')) as Record<string, string>;
const { contributes } = manifest;

function whenClauses(): string[] {
  const menus = Object.values(contributes.menus).flat();
  return [...menus, ...contributes.keybindings, ...contributes.viewsWelcome].flatMap(
    ({ when }) => when ?? [],
  );
}

describe('package.json', () => {
  test('contributes exactly the commands that the code registers', () => {
    expect(contributes.commands.map(({ command }) => command).sort()).toEqual(Object.values(Command).sort());
    expect(new Set(contributes.commands.map(({ category }) => category))).toEqual(new Set([commandCategory]));
  });

  test('names only contributed commands in its menus', () => {
    const known = contributes.commands.map(({ command }) => command);
    for (const { command } of Object.values(contributes.menus).flat()) {
      expect(known).toContain(command);
    }
  });

  test('links only to commands of its own or of the editor', () => {
    const links = [...JSON.stringify(texts).matchAll(/\(command:([\w.]+)\)/g)].map(([, command]) => command);
    expect(links.length).toBeGreaterThan(0);
    for (const command of links) {
      expect([...Object.values<string>(Command), 'workbench.trust.manage']).toSatisfy(
        (own: string[]) => own.includes(command ?? '') || command?.startsWith('workbench.action.') === true,
      );
    }
  });

  test('contributes exactly the views that the code fills', () => {
    const views = Object.values(contributes.views).flat();
    expect(views.map(({ id }) => id).sort()).toEqual(Object.values(View).sort());
    expect(contributes.viewsContainers['panel']?.map(({ id }) => id)).toEqual([ViewContainer.Panel]);
    expect(Object.keys(contributes.views).sort()).toEqual(['debug', ViewContainer.Panel].sort());
  });

  test('has one welcome text for each state of the helper', () => {
    // Remote windows have a text more, with what to do there.
    const ofUsage = contributes.viewsWelcome.filter(
      ({ view, when }) => view === View.Usage && !when.includes('remoteName'),
    );
    const conditions = ofUsage.map(({ when }) => when).sort();
    expect(conditions).toEqual(helperStates.map((state) => `${ContextKey.State} == '${state}'`).sort());
    expect(new Set(contributes.viewsWelcome.map(({ view }) => view))).toEqual(
      new Set([View.Usage, View.Breakpoints]),
    );
  });

  test.each(['ssh-remote', 'dev-container', 'attached-container', 'codespaces', 'wsl'])(
    'says what to do without rights in a remote window: %s',
    (remoteName) => {
      const states = contributes.viewsWelcome.flatMap(({ when }) => {
        const [, known, pattern, name] =
          /=~ \/\^\(([\w|-]+)\)\$\/ && remoteName (?:=~ \/([\w|]+)\/|== '([\w-]+)')$/.exec(when) ?? [];
        const fits = name === remoteName || (pattern !== undefined && new RegExp(pattern).test(remoteName));
        return fits ? (known?.split('|') ?? []) : [];
      });
      expect(states).toContain('not-permitted');
      expect(helperStates).toEqual(expect.arrayContaining(states));
    },
  );

  test('binds keys only to its own commands, and only where they mean nothing else', () => {
    expect(contributes.keybindings.length).toBeGreaterThan(0);
    for (const { command, key, when } of contributes.keybindings) {
      expect(Object.values<string>(Command)).toContain(command);
      // A chord that nothing else begins with, or the keys of a view that has the focus.
      if (!/^ctrl\+k \w$/.test(key)) expect(when).toMatch(/^focusedView == procnetmon\.\w+ && !inputFocus$/);
    }
  });

  test('uses only known keys in its conditions', () => {
    const items = Object.values<string>(TreeItemContext);
    const keys = Object.values<string>(ContextKey);
    for (const clause of whenClauses()) {
      for (const [, item] of clause.matchAll(/viewItem == ([\w.]+)/g)) expect(items).toContain(item);
      for (const [key] of clause.matchAll(/procnetmon\.(?:state|has\w+)/g)) expect(keys).toContain(key);
    }
  });

  test('contributes exactly the settings that the code reads, within the bounds of the protocol', () => {
    const { properties } = contributes.configuration;
    expect(Object.keys(properties).sort()).toEqual(
      Object.values(Setting)
        .map((name) => `${settingsSection}.${name}`)
        .sort(),
    );
    const { intervalMillis, windowMillis } = limits;
    expect(properties['procnetmon.intervalMillis']).toMatchObject({
      default: intervalMillis.default,
      minimum: intervalMillis.minimum,
      maximum: intervalMillis.maximum,
    });
    expect(properties['procnetmon.windowSeconds']).toMatchObject({
      default: windowMillis.default / 1_000,
      minimum: windowMillis.minimum / 1_000,
      maximum: windowMillis.maximum / 1_000,
    });
    expect(properties['procnetmon.interfaces']?.maxItems).toBe(limits.interfaces);
    const { processes, connections, eventsPerSecond } = limits;
    for (const [name, range] of Object.entries({
      processes,
      connections,
      eventsPerSecond,
      ...sessionLimitRanges,
    }))
      expect(properties[`procnetmon.limits.${name}`]).toMatchObject(range);
  });

  test('translates every text it refers to, and no other', () => {
    const used = [...manifestText.matchAll(/"%([\w.-]+)%"/g)].map(([, key]) => key);
    expect([...new Set(used)].sort()).toEqual(Object.keys(texts).sort());
  });

  test('runs beside the debugged program, and is careful in untrusted workspaces', () => {
    expect(manifest.extensionKind).toEqual(['workspace']);
    expect(manifest.capabilities.untrustedWorkspaces.supported).toBe('limited');
    // What a workspace may not decide: whether root's helper starts, what is looked at, asked of others, and kept.
    expect(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations).toEqual(
      ['start', 'inspect', 'reverseLookup', 'keptSessions'].map((name) => `procnetmon.${name}`),
    );
    expect(manifest.capabilities.virtualWorkspaces.supported).toBe(false);
  });

  test('is activated by debugging and by use only', () => {
    expect(manifest.activationEvents).toEqual(['onDebug']);
  });
});

test('the files that sudo runs are packed', () => {
  const packed = readFileSync(path.join(root, '.vscodeignore'), 'utf8').split('\n');
  for (const file of ['media/askpass/askpass.sh', 'media/askpass/client.cjs', 'dist/helper/procnetmon']) {
    expect(packed).toContain(`!${file}`);
  }
  expect(existsSync(path.join(root, 'media/askpass/askpass.sh'))).toBe(true);
});
