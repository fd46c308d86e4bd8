/** The summary that the quickstart prints. It has no frame at its sides, so that whole lines can be copied. */

/**
 * @param {{ port: number, token: string, console?: { url: string, expiresAt: string, isOpened: boolean }, editorUrl: string, expiresAt?: string, container: { name: string, repoUrl?: string | null }, log: string, reused: boolean, took: string, follow: boolean }} facts
 */
export function summary({ port, token, console: link, editorUrl, expiresAt, container, log, reused, took, follow }) {
  const base = `http://localhost:${port}`;
  const signIn = link && [
    ['Console', link.url],
    [
      '',
      `signs in as administrator; works once, until ${link.expiresAt}${link.isOpened ? '; opened in the browser' : ''}`,
    ],
  ];
  const rows = [
    ...(signIn ?? [['Console', `${base}/`]]),
    ['VS Code', absolute(editorUrl, base)],
    [
      '',
      `opens "${container.name}"${container.repoUrl ? ` (${container.repoUrl})` : ''}; works once${expiresAt ? `, until ${expiresAt}` : ''}`,
    ],
    ['API token', token],
    ['API', `curl -H "Authorization: Bearer ${token}" "${base}/api/containers"`],
    ['Docs', `${base}/docs`],
    ['New link', `curl -X POST -H "Authorization: Bearer ${token}" "${base}/api/containers/${container.name}/editor"`],
    ['Log', log],
    ['Stop', stopLine({ reused, follow })],
  ];
  const rule = '─'.repeat(78);
  const lines = rows.map(([label, text]) => `  ${label.padEnd(10)} ${text}`);
  return ['', rule, `  DevForge is ready (${took})`, '', ...lines, rule, ''].join('\n');
}

/** The editor link, made absolute where the server answered a path. */
export const absolute = (url, base) => new URL(url, base).href;

function stopLine({ reused, follow }) {
  if (reused) return 'DevForge was running before and keeps running, as do the containers';
  return follow
    ? 'Ctrl-C stops DevForge; containers keep running'
    : 'DevForge stops now (--no-follow); containers keep running';
}
