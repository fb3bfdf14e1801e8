// F5 on the demo programs: real debug adapters, real programs, real traffic over loopback.
import { strict as assert } from 'node:assert';
import type { WatchedSession } from '../../../src/extension/sessions';
import { drawTree, eventually, sessionIn, sessionWith, startDebugging, stopDebugging } from './workbench';

const javaScript = 'JavaScript: shop';
const python = 'Python: courier';
const c = 'C: echo';

function movesData({ total, flows }: WatchedSession): boolean {
  return total.payload.txBytes > 0 && total.payload.rxBytes > 0 && flows.size > 0;
}

describe('debugging', () => {
  afterEach(stopDebugging);

  it('JavaScript: the program and its forks are one session, each process once', async () => {
    await startDebugging(javaScript);
    const session = await sessionIn(javaScript, 'watching');
    await sessionWith(session, (each) => movesData(each) && each.processes.size >= 3);
    const shown = await eventually(({ store }) => store.sessions.filter(({ label }) => label === javaScript));
    assert.equal(shown.length, 1);

    const [drawn] = await drawTree();
    assert.equal(drawn?.label, javaScript);
    assert.match(drawn.description, /^↑ .+\/s ↓ .+\/s$/);
    const titles = drawn.children.map(({ label }) => label);
    const ids = drawn.children.map(({ description }) => / · PID (\d+)$/.exec(description)?.[1]);
    assert.equal(new Set(ids).size, ids.length, ids.join(', '));
    assert.ok(
      titles.some((title) => /^node shop\.mjs$/.test(title)),
      titles.join(', '),
    );
    const connections = drawn.children.flatMap(({ children }) => children);
    assert.ok(connections.length > 0);
    assert.ok(
      connections.some(({ description }) => description.includes('TCP')),
      JSON.stringify(connections),
    );
  });

  it('keeps the figures when the session ends', async () => {
    await startDebugging(javaScript);
    const session = await sessionIn(javaScript, 'watching');
    await sessionWith(session, movesData);
    const before = session.total.payload.txBytes;
    await stopDebugging();
    const ended = await sessionIn(javaScript, 'ended');
    assert.ok(ended.total.payload.txBytes >= before);
    assert.deepEqual(ended.total.rates.wire, { tx: 0, rx: 0 });
    assert.ok([...ended.processes.values()].every(({ alive }) => !alive));
    const [drawn] = await drawTree();
    assert.match(drawn?.description ?? '', /^ended · .+ sent, .+ received$/);
  });

  it('Python: by the process event of debugpy', async () => {
    await startDebugging(python);
    const session = await sessionIn(python, 'watching');
    await sessionWith(session, movesData);
    const [drawn] = await drawTree();
    assert.ok(
      drawn?.children.some(({ label }) => label.endsWith('courier.py')),
      JSON.stringify(drawn),
    );
  });

  it('C: by the process event of LLDB', async () => {
    await startDebugging(c);
    const session = await sessionIn(c, 'watching');
    await sessionWith(session, movesData);
    const [drawn] = await drawTree();
    assert.ok(
      drawn?.children.some(({ label }) => /^echo$/.test(label)),
      JSON.stringify(drawn),
    );
  });

  it('several sessions at once, each with its own processes', async () => {
    await startDebugging(javaScript);
    await startDebugging(python);
    const sessions = await Promise.all([sessionIn(javaScript, 'watching'), sessionIn(python, 'watching')]);
    await Promise.all(sessions.map((session) => sessionWith(session, movesData)));
    const [one, other] = sessions.map(({ processes }) => [...processes.keys()]);
    assert.ok(one !== undefined && other !== undefined);
    assert.deepEqual(
      one.filter((pid) => other.includes(pid)),
      [],
    );
  });
});
