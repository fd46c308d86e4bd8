/** What the quickstart prints at its end. Lines have no frame at their sides, so that they can be copied whole. */

/**
 * @param {{ port: number, token: string, editorUrl: string, expiresAt?: string, container: { name: string, repoUrl?: string | null }, log: string, reused: boolean, took: string, follow: boolean }} facts
 */
export function summary({ port, token, editorUrl, expiresAt, container, log, reused, took, follow }) {
  const base = `http://localhost:${port}`;
  const rows = [
    ['VS Code', absolute(editorUrl, base)],
    [
      '',
      `opens "${container.name}"${container.repoUrl ? ` (${container.repoUrl})` : ''}; good once${expiresAt ? `, until ${expiresAt}` : ''}`,
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

/** The editor link as the server gave it, made absolute where it is a path. */
export const absolute = (url, base) => new URL(url, base).href;

function stopLine({ reused, follow }) {
  if (reused) return 'DevForge was running before; it goes on. Containers go on either way';
  return follow ? 'Ctrl-C stops DevForge; containers go on' : 'DevForge stops now (--no-follow); containers go on';
}
