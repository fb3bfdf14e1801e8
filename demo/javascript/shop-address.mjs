// Where the shop tells customers in another debug session which port it got. The operating system chooses
// the port, so that two shops never collide; a small file passes it on.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const folder = new URL('../.run/', import.meta.url);
const file = new URL('shop.json', folder);

/** @param {number} port */
export function publishShopAddress(port) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, JSON.stringify({ port, pid: process.pid }));
}

export function withdrawShopAddress() {
  if (readShopAddress()?.pid === process.pid) rmSync(file, { force: true });
}

/**
 * Waits up to half a minute for a running shop.
 *
 * @returns {Promise<number>} its port
 */
export async function findShop() {
  for (let attempt = 0; attempt < 60; attempt++) {
    const address = readShopAddress();
    if (address !== undefined && isAlive(address.pid)) return address.port;
    await sleep(500);
  }
  throw new Error('No shop is running. Start "JavaScript: shop, open to customers elsewhere" first.');
}

function readShopAddress() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The file outlives a shop that was killed. */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
