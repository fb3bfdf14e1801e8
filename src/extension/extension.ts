// The extension's entry: makes the parts, ties them together, and hands them to the editor.
import * as vscode from 'vscode';
import { Command, settingsSection } from './contributions';
import { DebugSessions } from './debug-sessions';
import { registerDoctor } from './doctor-command';
import type { ExtensionApi } from './extension-api';
import { HelperService } from './helper-service';
import { registerInstallation } from './install-command';
import { DebuggerStops } from './insight/debugger-stops';
import { NetworkBreakpoints } from './insight/network-breakpoints';
import { StopDecoration } from './insight/stop-decoration';
import { registerStopsView } from './insight/stops-view';
import { registerLanguageModelTool } from './language-model-tool';
import { registerLaunchHold } from './launch-hold';
import { registerMonitorPid } from './monitor-pid';
import { registerNetworkPanel } from './network-panel';
import { registerNetworkTree } from './network-tree';
import { registerSavedSessions } from './saved/register';
import { SessionArchive } from './saved/session-archive';
import { SessionStore } from './session-store';
import { viewOfNode, viewOfStop } from './show-in-panel';
import { NetworkStatusBar } from './status-bar';
import { TimeFocus } from './time-focus';
import { WatchController } from './watch-controller';

let runningHelper: HelperService | undefined;
let runningArchive: SessionArchive | undefined;

export function activate(context: vscode.ExtensionContext): ExtensionApi {
  const log = vscode.window.createOutputChannel('ProcNetMon', { log: true });
  const store = new SessionStore();
  const files = {
    executable: context.asAbsolutePath('dist/helper/procnetmon'),
    askpassScript: context.asAbsolutePath('media/askpass/askpass.sh'),
  };
  const { version } = context.extension.packageJSON as { version: string };
  const helper = new HelperService({ ...files, version }, log);
  const watch = new WatchController(store, helper, log);
  const debugSessions = new DebugSessions(store, helper, watch, log);
  const statusBar = new NetworkStatusBar(store);
  const focus = new TimeFocus();
  const stops = new DebuggerStops(store, debugSessions, watch);
  const archive = new SessionArchive(context.storageUri, store, log);
  runningArchive = archive;
  runningHelper = helper;

  const start = async (): Promise<void> => {
    await debugSessions.watchAll('user');
    await helper.start('user');
  };
  const { panel, registration: panelRegistration } = registerNetworkPanel(
    context,
    store,
    {
      startDebugging: () => vscode.commands.executeCommand('workbench.action.debug.start'),
      monitorProcess: () => vscode.commands.executeCommand(Command.MonitorPid),
      retry: start,
      showLog: () => log.show(),
    },
    focus,
    () => archive.restore(),
  );
  const { tree, registration: treeRegistration } = registerNetworkTree(
    store,
    context.workspaceState,
    focus,
    { [Command.StopSession]: ({ session }) => watch.stop(session.id) },
    { [Command.ShowInPanel]: (node) => panel.show(viewOfNode(node)) },
  );
  context.subscriptions.push(
    log,
    store,
    helper,
    watch,
    debugSessions,
    statusBar,
    focus,
    panelRegistration,
    treeRegistration,
    stops,
    archive,
    new StopDecoration(stops),
    registerStopsView(stops, (stop) => panel.show(viewOfStop(stop))),
    new NetworkBreakpoints(store, stops, context.workspaceState),
    registerSavedSessions(context, store),
    registerLanguageModelTool(store),
    registerLaunchHold(helper, log),
    registerMonitorPid(store, helper, watch),
    registerDoctor(helper),
    registerInstallation(files, log),
    vscode.commands.registerCommand(Command.Start, start),
    vscode.commands.registerCommand(Command.Stop, () => helper.stop()),
    vscode.commands.registerCommand(Command.ShowLog, () => log.show()),
    vscode.commands.registerCommand(Command.OpenSettings, () =>
      vscode.commands.executeCommand('workbench.action.openSettings', `${settingsSection}.`),
    ),
  );
  return {
    store,
    tree,
    stops,
    get statusBarText() {
      return statusBar.text;
    },
    get helperState() {
      return helper.state;
    },
    get helperPid() {
      return helper.connection?.helper.pid;
    },
  };
}

export async function deactivate(): Promise<void> {
  // Side by side: the editor does not wait for long.
  await Promise.all([runningArchive?.close(), runningHelper?.stop()]);
}
