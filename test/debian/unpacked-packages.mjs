// Debian packages that are unpacked into the cache and never installed. They come from the mirror that this machine
// uses itself, with package lists of their own, so nothing of the system changes and no rights are needed.
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { cacheFolder } from '../../scripts/lib/paths.mjs';
import { CommandFailed, Explained, run } from '../../scripts/lib/steps.mjs';

// Debian's own keys, those of other releases included (package debian-archive-keyring).
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Where each set of packages has a folder. */
const debianCache = path.join(cacheFolder, 'debian');

/** In each folder: what it was made for. */
const noteOfRequest = '.requested';

/** Something that cannot be had on this machine, with the reason. */
export class NotToBeHad extends Explained {}

/**
 * The Debian mirror in this machine's own apt sources.
 * @returns {Promise<{ codename: string, repositories: { main: string, security: string } }>}
 */
async function findMirror() {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const codename = /^VERSION_CODENAME="?(\w+)"?$/m.exec(release)?.[1];
  if (!/^ID="?debian"?$/m.test(release) || codename === undefined)
    throw new NotToBeHad('Debian packages are taken from the mirror of a Debian system, which this is not');
  const format = '$(CREATED_BY)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)';
  const listing = await run('apt-get', ['indextargets', '--format', format]);
  const targets = listing
    .split('\n')
    .map((line) => line.split('|'))
    .filter(([createdBy, component]) => createdBy === 'Packages' && component === 'main')
    .map(([, , suite, uri]) => ({ suite, uri }));
  const main = targets.find(({ suite }) => suite === codename || suite === 'stable');
  const security = targets.find(({ suite }) => suite.endsWith('-security'));
  if (!main || !security)
    throw new NotToBeHad(`apt's sources name no repository for both ${codename} and ${codename}-security`);
  return { codename, repositories: { main: main.uri, security: security.uri } };
}

/** apt with lists of its own: those of the given suites. */
class PrivateApt {
  #options;
  #folder;
  /** This machine's release of Debian. */
  codename;

  /** `asInstalledHere`: what this machine has installed counts as there. */
  static async open(folder, suites, { asInstalledHere = false } = {}) {
    const { codename, repositories } = await findMirror();
    const apt = new PrivateApt();
    apt.#folder = folder;
    apt.codename = codename;
    for (const part of ['lists/partial', 'archives/partial', 'packages'])
      await mkdir(path.join(folder, part), { recursive: true });
    const emptyStatus = path.join(folder, 'status');
    const sources = path.join(folder, 'sources.list');
    // The oldest suite is not signed anew any more. Its signature is checked all the same.
    const options = `[signed-by=${keyring} check-valid-until=no]`;
    const lines = suites
      .map((suite) => suite.replace('HERE', codename))
      .map((suite) => {
        const uri = suite.endsWith('-security') ? repositories.security : repositories.main;
        return `deb ${options} ${uri} ${suite} main\n`;
      });
    await writeFile(sources, lines.join(''));
    await writeFile(emptyStatus, '');
    const settings = {
      'Dir::State::Lists': path.join(folder, 'lists'),
      'Dir::State::status': asInstalledHere ? '/var/lib/dpkg/status' : emptyStatus,
      'Dir::Cache': folder,
      'Dir::Cache::pkgcache': '',
      'Dir::Cache::srcpkgcache': '',
      'Dir::Etc::sourcelist': sources,
      'Dir::Etc::sourceparts': '-',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '3',
      // root's cache folder is closed to apt's own user.
      ...(process.getuid?.() === 0 && { 'APT::Sandbox::User': 'root' }),
    };
    apt.#options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    await run('apt-get', ['-q', ...apt.#options, 'update']);
    return apt;
  }

  /** Names of the packages that a package depends on, the first of each alternative. */
  async dependencies(name) {
    const record = await run('apt-cache', [...this.#options, 'show', '--no-all-versions', name]);
    const line = /^Depends: (.*)$/m.exec(record)?.[1] ?? '';
    return line.split(',').map((dependency) => dependency.trim().split(/[\s:(|]/)[0] ?? '');
  }

  /** What an installation of packages from a suite would install or upgrade here, as `name=version`. */
  async missingFor(names, suite) {
    const plan = await run('apt-get', [
      ...[...this.#options, '--simulate', '--no-install-recommends', '-t', suite, 'install', ...names],
    ]);
    return [...plan.matchAll(/^Inst (\S+) (?:\[\S+\] )?\((\S+) /gm)].map(
      ([, found, version]) => `${found}=${version}`,
    );
  }

  /** Downloads packages and unpacks them into a folder. */
  async unpack(names, target) {
    const packages = path.join(this.#folder, 'packages');
    await run('apt-get', ['-q', ...this.#options, 'download', ...names], { cwd: packages });
    await mkdir(target, { recursive: true });
    for (const file of await readdir(packages)) await run('dpkg', ['-x', path.join(packages, file), target]);
  }
}

/**
 * A folder in the cache with unpacked packages. It is made once, and anew where `update` is set or something else is
 * wanted than what it was made for.
 * @param {string} name of the folder
 * @param {string[]} suites of Debian, `HERE` stands for this machine's
 * @param {(apt: PrivateApt) => Promise<string[]>} choose names the packages
 * @param {{ update?: boolean, asInstalledHere?: boolean, wanted?: string[] }} options `wanted`: what `choose` starts from,
 *   where that may change
 * @returns {Promise<string>} the folder
 */
export async function unpackedPackages(
  name,
  suites,
  choose,
  { update = false, asInstalledHere = false, wanted = [] } = {},
) {
  const folder = path.join(debianCache, name);
  const request = `${JSON.stringify({ suites, wanted })}\n`;
  const madeFor = await readFile(path.join(folder, noteOfRequest), 'utf8').catch(() => undefined);
  if (madeFor === request && !update) return folder;
  const work = path.join(debianCache, `.${name}.${process.pid}`);
  try {
    const apt = await PrivateApt.open(path.join(work, 'apt'), suites, { asInstalledHere });
    const packages = await choose(apt);
    const root = path.join(work, 'root');
    await apt.unpack(packages, root);
    await writeFile(path.join(root, noteOfRequest), request);
    await rm(folder, { recursive: true, force: true });
    await rename(root, folder);
    return folder;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const reason = (error.errorOutput ?? '')
      .trim()
      .split('\n')
      .findLast((line) => /^[EW]: /.test(line));
    throw new NotToBeHad(`The Debian packages of "${name}" cannot be had: ${reason ?? error.message}`, {
      cause: error,
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
