const GATEWAY = 'http://127.0.0.1:3128';

/**
 * What git in a workspace has to know of the gateway. It contains no secret.
 * @param {import('./policy.mjs').Mode} mode
 * @param {string[]} hosts those with a token
 */
export function gitConfig(mode, hosts) {
  const lines = ['# Written by the egress gateway.', `[http "${GATEWAY}/"]`, '\tproxy ='];
  if (mode !== 'open') lines.push('[http]', `\tproxy = ${GATEWAY}`);
  for (const host of hosts) {
    if (!/^[0-9A-Za-z.:[\]-]+$/.test(host)) continue;
    lines.push(`[url "${GATEWAY}/git/${host}/"]`, `\tinsteadOf = https://${host}/`);
  }
  return `${lines.join('\n')}\n`;
}
