import { HOME_FOLDER } from '../../workspace.js';

/** uid and gid of workspaces. */
const ID = '1000';
const OWN_BASH = '/opt/devforge/bin/bash';

/**
 * The user database of an image, with a user for workspaces: the one that has their uid already, under its own name, or a new
 * one. Its home directory is that of workspaces.
 */
export function withWorkspaceUser(
  { passwd, group }: { passwd: string; group: string },
  shells: { hasBash: boolean },
): { passwd: string; group: string } {
  const users = entriesOf(passwd);
  const groups = entriesOf(group);
  const shell = shells.hasBash ? '/bin/bash' : OWN_BASH;
  const user = users.find(([, , uid]) => uid === ID);
  if (user === undefined) users.push([unused(users), 'x', ID, ID, '', HOME_FOLDER, shell]);
  else users.splice(users.indexOf(user), 1, adapted(user, shell));
  if (!groups.some(([, , gid]) => gid === ID)) groups.push([unused(groups), 'x', ID, '']);
  return { passwd: toText(users), group: toText(groups) };
}

/** Shells that let nobody in are for services. */
function adapted([name = '', password = 'x', , , comment = '', , shell = '']: string[], fallback: string): string[] {
  const isShell = shell !== '' && !/\/(?:nologin|false)$/.test(shell);
  return [name, password, ID, ID, comment, HOME_FOLDER, isShell ? shell : fallback];
}

function unused(entries: string[][]): string {
  const names = new Set(entries.map(([name]) => name));
  return ['dev', 'devforge', 'devforge-workspace'].find((name) => !names.has(name)) ?? `devforge${names.size}`;
}

function entriesOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.split(':'));
}

function toText(entries: string[][]): string {
  return entries.map((fields) => `${fields.join(':')}\n`).join('');
}
