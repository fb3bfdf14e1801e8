// The user's settings, read and brought within bounds. package.json states the same bounds, but a settings file
// is edited by hand.
import * as vscode from 'vscode';
import { limits } from '../shared/protocol';
import { Setting, settingsSection } from './contributions';
import { clampToLimits, toInterfaceNames, toSessionLimits } from './setting-values';
import type { SessionLimits } from './watched-session';

export type StartSetting = 'always' | 'ask' | 'never';

export interface MonitorSettings {
  intervalMillis: number;
  windowMillis: number;
  /** Empty: all. */
  interfaces: string[];
  children: boolean;
  /** Payload is looked at for protocols, names and requests. */
  inspect: boolean;
  maximumProcesses: number;
  maximumConnections: number;
  eventsPerSecond: number;
}

/** Whether the helper starts by itself with a debug session. */
export function startSetting(): StartSetting {
  const value = vscode.workspace.getConfiguration(settingsSection).get<unknown>(Setting.Start);
  return value === 'ask' || value === 'never' ? value : 'always';
}

/** What a monitor is started with. */
export function monitorSettings(): MonitorSettings {
  const configuration = vscode.workspace.getConfiguration(settingsSection);
  const windowSeconds = configuration.get<unknown>(Setting.WindowSeconds);
  return {
    intervalMillis: clampToLimits(configuration.get<unknown>(Setting.IntervalMillis), limits.intervalMillis),
    windowMillis: clampToLimits(
      typeof windowSeconds === 'number' ? windowSeconds * 1_000 : undefined,
      limits.windowMillis,
    ),
    interfaces: toInterfaceNames(configuration.get<unknown>(Setting.Interfaces)),
    children: configuration.get<unknown>(Setting.IncludeChildren) !== false,
    // Whatever else stands there is no permission.
    inspect: (configuration.get<unknown>(Setting.Inspect) ?? true) === true,
    maximumProcesses: clampToLimits(configuration.get<unknown>(Setting.MaximumProcesses), limits.processes),
    maximumConnections: clampToLimits(
      configuration.get<unknown>(Setting.MaximumConnections),
      limits.connections,
    ),
    eventsPerSecond: clampToLimits(
      configuration.get<unknown>(Setting.EventsPerSecond),
      limits.eventsPerSecond,
    ),
  };
}

/** How much of its past a session that begins now keeps. */
export function sessionLimits(): SessionLimits {
  const configuration = vscode.workspace.getConfiguration(settingsSection);
  return toSessionLimits(
    configuration.get<unknown>(Setting.ClosedConnections),
    configuration.get<unknown>(Setting.HistoryMegabytes),
  );
}

/** Whether the DNS is asked for the names of addresses. */
export function reverseLookupSetting(): boolean {
  return vscode.workspace.getConfiguration(settingsSection).get<unknown>(Setting.ReverseLookup) === true;
}

/** Whether the cost of a stop stands beside the line where the program stopped. */
export function stopCostSetting(): boolean {
  return vscode.workspace.getConfiguration(settingsSection).get<unknown>(Setting.ShowStopCost) !== false;
}

/** Sessions that are kept on disk once they have ended; 0 for none. */
export function keptSessionsSetting(): number {
  const value = vscode.workspace.getConfiguration(settingsSection).get<unknown>(Setting.KeptSessions);
  return clampToLimits(value, { minimum: 0, maximum: 20, default: 5 });
}

/** From when on the status bar draws attention: bytes per second, and bytes in all; 0 for never. */
export function statusBarThresholds(): { rate: number; total: number } {
  const configuration = vscode.workspace.getConfiguration(settingsSection);
  const megabytes = (name: string): number => {
    const value = configuration.get<unknown>(name);
    return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value * 1e6 : 0;
  };
  return {
    rate: megabytes(Setting.StatusBarRateThreshold),
    total: megabytes(Setting.StatusBarTotalThreshold),
  };
}

/** Fires when what `monitorSettings` answers may have changed. */
export function onDidChangeMonitorSettings(listener: () => void): vscode.Disposable {
  return vscode.workspace.onDidChangeConfiguration((change) => {
    const names = [
      Setting.IntervalMillis,
      Setting.WindowSeconds,
      Setting.Interfaces,
      Setting.IncludeChildren,
      Setting.Inspect,
      Setting.MaximumProcesses,
      Setting.MaximumConnections,
      Setting.EventsPerSecond,
    ];
    if (names.some((name) => change.affectsConfiguration(`${settingsSection}.${name}`))) {
      listener();
    }
  });
}

/** Keeps the answer to "always?" or "never?" for all of the user's windows. */
export async function setStartSetting(value: StartSetting): Promise<void> {
  await vscode.workspace
    .getConfiguration(settingsSection)
    .update(Setting.Start, value, vscode.ConfigurationTarget.Global);
}
