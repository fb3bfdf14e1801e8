// Everything that an object holds, private fields and closures' owners included, as the debugger sees it.
import { Session, type Runtime } from 'node:inspector';

const held = Symbol.for('procnetmon.test.held');
const maximumObjects = 20_000;

/** All text below an object: names, strings, and bytes read as text. */
export function retainedText(value: object): string {
  const session = new Session();
  session.connect();
  const post: Post = (method, parameters) => {
    let answer: unknown;
    session.post(method, parameters, (error, result) => {
      if (error !== null) throw error;
      answer = result;
    });
    if (answer === undefined) throw new Error(`${method} was not answered.`);
    return answer;
  };
  (globalThis as Record<symbol, unknown>)[held] = value;
  try {
    const root = post('Runtime.evaluate', {
      expression: "globalThis[Symbol.for('procnetmon.test.held')]",
    }) as Runtime.EvaluateReturnType;
    return walk(root.result, post).join('\n');
  } finally {
    (globalThis as Record<symbol, unknown>)[held] = undefined;
    session.disconnect();
  }
}

type Post = (method: string, parameters: object) => unknown;

/** Private fields are missing in the published types. */
interface Properties extends Runtime.GetPropertiesReturnType {
  privateProperties?: { value?: Runtime.RemoteObject }[];
}

function walk(root: Runtime.RemoteObject, post: Post): string[] {
  const texts: string[] = [];
  const seen = new Set<string>();
  const queue = [root];
  while (queue.length > 0 && seen.size < maximumObjects) {
    const object = queue.pop();
    if (object?.type === 'string') texts.push(String(object.value));
    if (object?.objectId === undefined || object.className === 'Function') continue;
    const identity = identify(object, post);
    if (seen.has(identity)) continue;
    seen.add(identity);
    if (object.subtype === 'typedarray' || object.subtype === 'arraybuffer') {
      texts.push(
        call(object, 'function () { return Buffer.from(this.buffer ?? this).toString("latin1"); }', post),
      );
      continue;
    }
    if (object.subtype === 'map' || object.subtype === 'set') {
      const entries = post('Runtime.callFunctionOn', {
        objectId: object.objectId,
        functionDeclaration: 'function () { return Array.from(this).flat(); }',
      }) as Runtime.CallFunctionOnReturnType;
      queue.push(entries.result);
      continue;
    }
    const { result, privateProperties = [] } = post('Runtime.getProperties', {
      objectId: object.objectId,
      ownProperties: true,
    }) as Properties;
    for (const { value } of [...result, ...privateProperties]) if (value !== undefined) queue.push(value);
  }
  if (seen.size >= maximumObjects) throw new Error('The object holds too much to be looked at.');
  return texts;
}

/** The same object has many handles; it is told by a number that it is given once. */
function identify(object: Runtime.RemoteObject, post: Post): string {
  return call(
    object,
    `function () {
      const numbers = (globalThis[Symbol.for('procnetmon.test.numbers')] ??= new WeakMap());
      if (!numbers.has(this)) numbers.set(this, String(Math.random()));
      return numbers.get(this);
    }`,
    post,
  );
}

function call(object: Runtime.RemoteObject, functionDeclaration: string, post: Post): string {
  const { result } = post('Runtime.callFunctionOn', {
    objectId: object.objectId,
    functionDeclaration,
    returnByValue: true,
  }) as Runtime.CallFunctionOnReturnType;
  return String(result.value);
}
