// Asks a debug session to pause its program, also one that has only just begun: before a program has a thread, no
// debugger can pause it.
import type { DebugSession, Event } from 'vscode';
import { threadFromAnswer } from './debugger-messages';

/** Asks again after so many milliseconds where there is no thread: not every adapter says when one begins. */
const threadMillis = 250;

/** Asks again after so many milliseconds: LLDB agrees also where it is about to start the program, and starts it. */
const standMillis = 1_000;

/**
 * Asks until the program stands still.
 * @param began tells the id of a debug session that has a thread more
 * @param signal to be aborted once it stands, or when that has taken too long
 */
export async function pauseDebuggee(
  session: DebugSession,
  began: Event<string>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    if (await isPauseAccepted(session)) await delay(standMillis);
    else await whenAnotherThreadMayBe(session, began);
  }
}

async function isPauseAccepted(session: DebugSession): Promise<boolean> {
  try {
    const threadId = await findThread(session);
    if (threadId === undefined) {
      return false;
    }
    await session.customRequest('pause', { threadId });
    return true;
  } catch {
    return false;
  }
}

/** A thread to pause; 0 where the debugger does not list those of a program that runs, and pauses all of them. */
async function findThread(session: DebugSession): Promise<number | undefined> {
  let answer: unknown;
  try {
    answer = await session.customRequest('threads');
  } catch {
    return 0;
  }
  return threadFromAnswer(answer);
}

function whenAnotherThreadMayBe(session: DebugSession, began: Event<string>): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      subscription.dispose();
      resolve();
    };
    const timer = setTimeout(done, threadMillis);
    const subscription = began((id) => {
      if (id === session.id) done();
    });
  });
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
