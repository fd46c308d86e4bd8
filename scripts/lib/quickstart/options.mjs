/** The options of the quickstart, checked before anything is installed or started. */
import { Failure } from '../failure.mjs';
import { readOptions } from '../options.mjs';

const TEMPLATES = ['claude', 'vscode', 'both'];
/** As the server checks it. */
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const HELP_COMMAND = 'npm run quickstart -- --help';

export const HELP = `npm run quickstart -- [options]

From a fresh clone to VS Code in a container: installs what is missing, builds the images, starts DevForge, creates a
first container, and opens the console where there is a display. Running it again reuses everything.

  --repo URL         repository to clone, https:// or ssh; a public one by default, or a sample where GitHub is out of reach
  --branch NAME      its branch, tag or commit; the default branch by default
  --ssh-key PATH     private key to clone it with, in SSH_KEYS_DIR (~/.ssh by default)
  --name NAME        name of the container: "quickstart" by default
  --template NAME    what is in the container: claude, vscode or both (the default)
  --port PORT        port of DevForge: PORT of .env by default, else 3000
  --no-follow        stops DevForge after the summary, rather than running until Ctrl-C
  --no-open          does not open the console in a browser
  -h, --help         this text

--repo, --branch, --ssh-key and --template are for a new container. Another one beside the first needs a --name.

Example:
  npm run quickstart -- --name web-shop --template both --repo git@github.com:me/web-shop.git --ssh-key ~/.ssh/id_ed25519`;

/** @type {import('node:util').ParseArgsOptionDescriptor} */
const text = { type: 'string' };
const OPTIONS = {
  repo: text,
  branch: text,
  name: text,
  template: text,
  'ssh-key': text,
  port: text,
  'no-follow': /** @type {import('node:util').ParseArgsOptionDescriptor} */ ({ type: 'boolean' }),
  'no-open': /** @type {import('node:util').ParseArgsOptionDescriptor} */ ({ type: 'boolean' }),
};

/**
 * @param {string[]} [args] of the command line, those of the process by default
 * @returns {{ repo?: string, branch?: string, name: string, template: string, sshKey?: string, port?: string, noFollow: boolean, noOpen: boolean, given: { template?: string } }}
 *   `given` has what was asked for, without defaults
 */
export function quickstartOptions(args) {
  const values = readOptions(OPTIONS, { help: HELP, hint: HELP_COMMAND }, args);
  const { name = 'quickstart', template = 'both' } = values;
  if (!NAME.test(name) || ID.test(name))
    throw new Failure(
      `"${name}" cannot be the name of a container: 1 to 63 of a-z, 0-9 and -, not starting or ending with -, and not of the form of an id.`,
      [HELP_COMMAND],
    );
  if (!TEMPLATES.includes(template))
    throw new Failure(`"${template}" is no template: there are claude, vscode and both.`, [HELP_COMMAND]);
  return {
    name,
    template,
    repo: values.repo,
    branch: values.branch,
    sshKey: values['ssh-key'],
    port: values.port,
    noFollow: Boolean(values['no-follow']),
    noOpen: Boolean(values['no-open']),
    given: { template: values.template },
  };
}
