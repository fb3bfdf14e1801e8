// Every name that package.json and the code have to agree on. A unit test holds the two together.

export const Command = {
  /** Starts the helper, and watches the debug sessions that run. */
  Start: 'procnetmon.start',
  /** Stops the helper; all figures stay. */
  Stop: 'procnetmon.stop',
  MonitorPid: 'procnetmon.monitorPid',
  /** On a debug session whose process was not found: the user names it. */
  ChooseProcess: 'procnetmon.chooseProcess',
  /** On one session of the tree: stop watching it. */
  StopSession: 'procnetmon.stopSession',
  ClearEnded: 'procnetmon.clearEnded',
  /** On a connection, in the tree as in the panel. */
  CopyAddress: 'procnetmon.copyAddress',
  CopyFilter: 'procnetmon.copyFilter',
  CopySocketFilter: 'procnetmon.copySocketFilter',
  CopyPacketFilter: 'procnetmon.copyPacketFilter',
  BreakOnConnection: 'procnetmon.breakOnConnection',
  /** On a process of the tree. */
  CopyProcessId: 'procnetmon.copyProcessId',
  /** On anything in the tree. */
  ShowInPanel: 'procnetmon.showInPanel',
  /** On a stop of the debugger. */
  ShowStopInPanel: 'procnetmon.showStopInPanel',
  /** Asks by what the connections of the tree are put together. */
  GroupConnections: 'procnetmon.groupConnections',
  /** Asks which connections the tree shows. */
  FilterConnections: 'procnetmon.filterConnections',
  ShowAllConnections: 'procnetmon.showAllConnections',
  /** On a connection in the panel. */
  CopyPanelValue: 'procnetmon.panel.copyValue',
  CopyPanelConnection: 'procnetmon.panel.copyConnection',
  /** The tree and the panel show a range of time only: show all again. */
  ClearRange: 'procnetmon.clearRange',
  ClearStops: 'procnetmon.clearStops',
  AddBreakpoint: 'procnetmon.addBreakpoint',
  EditBreakpoint: 'procnetmon.editBreakpoint',
  RemoveBreakpoint: 'procnetmon.removeBreakpoint',
  RemoveAllBreakpoints: 'procnetmon.removeAllBreakpoints',
  CompareRuns: 'procnetmon.compareRuns',
  /** Figures of a session into a file. */
  Export: 'procnetmon.export',
  ShowLog: 'procnetmon.showLog',
  RunDoctor: 'procnetmon.runDoctor',
  /** Puts a copy of the helper where only root can change it, and from where it needs no password. */
  InstallHelper: 'procnetmon.installHelper',
  UninstallHelper: 'procnetmon.uninstallHelper',
  OpenPanel: 'procnetmon.openPanel',
  OpenSettings: 'procnetmon.openSettings',
} as const;

export const View = {
  /** The tree in the debug side bar. */
  Usage: 'procnetmon.usage',
  /** What each stop of the debugger cost, in the debug side bar. */
  Stops: 'procnetmon.stops',
  /** Network breakpoints, in the debug side bar. */
  Breakpoints: 'procnetmon.breakpoints',
  /** The chart and table in the panel area. */
  Panel: 'procnetmon.panel',
} as const;

export const CustomEditor = { SavedSession: 'procnetmon.savedSession' } as const;

export const languageModelTool = 'procnetmon_networkUsage';

export const ViewContainer = { Panel: 'procnetmonPanel' } as const;

/** Given by the editor for each view. */
export const focusPanelCommand = `${View.Panel}.focus`;

export const ContextKey = {
  /** One of `helperStates`; chooses the welcome text. */
  State: 'procnetmon.state',
  HasEndedSessions: 'procnetmon.hasEndedSessions',
  /** The tree shows some connections only. */
  IsFiltered: 'procnetmon.isFiltered',
  /** A range of time is chosen in the panel's chart. */
  HasRange: 'procnetmon.hasRange',
  HasStops: 'procnetmon.hasStops',
  HasBreakpoints: 'procnetmon.hasBreakpoints',
} as const;

/** Why nothing may be on show. Values of the context key `procnetmon.state`. */
export const helperStates = [
  'idle',
  'starting',
  'running',
  /** The user declined, in the password box or when asked. */
  'declined',
  'password-rejected',
  'not-permitted',
  /** sudo refuses without asking for a password, as it does where it demands a terminal. */
  'terminal-required',
  'sudo-missing',
  'no-new-privileges',
  /** This kernel, or what this machine allows, is not enough. */
  'unsupported',
  /** As many helpers count on this machine as can. */
  'too-many-helpers',
  /** Helper and extension are of different versions. */
  'mismatch',
  /** The helper could not be started, or ended by itself. */
  'failed',
  /** Setting `procnetmon.start` is `never`. */
  'never',
  'untrusted',
] as const;

export type HelperState = (typeof helperStates)[number];

/** `contextValue` of the tree's items. */
export const TreeItemContext = {
  SearchingSession: 'session.searching',
  LiveSession: 'session.live',
  EndedSession: 'session.ended',
  Process: 'process',
  Connection: 'connection',
  Group: 'group',
  Closed: 'closed',
  More: 'more',
  Stop: 'stop',
  Breakpoint: 'breakpoint',
} as const;

export const settingsSection = 'procnetmon';

/** Names within `settingsSection`. */
export const Setting = {
  Start: 'start',
  IntervalMillis: 'intervalMillis',
  WindowSeconds: 'windowSeconds',
  Interfaces: 'interfaces',
  IncludeChildren: 'includeChildren',
  Inspect: 'inspect',
  ReverseLookup: 'reverseLookup',
  ShowStopCost: 'showStopCost',
  KeptSessions: 'keptSessions',
  StatusBarRateThreshold: 'statusBar.rateThreshold',
  StatusBarTotalThreshold: 'statusBar.totalThreshold',
  MaximumProcesses: 'limits.processes',
  MaximumConnections: 'limits.connections',
  EventsPerSecond: 'limits.eventsPerSecond',
  ClosedConnections: 'limits.closedConnections',
  HistoryMegabytes: 'limits.historyMegabytes',
} as const;

/** Prefix of the titles of all commands. */
export const commandCategory = 'ProcNetMon';
