import { ERROR_CODES } from '../common/errors/error-codes.js';

/** The HTML page that the `type` of a problem document links to. */
export function errorsPage(): string {
  const rows = Object.entries(ERROR_CODES).map(
    ([code, { status, title, retryable }]) =>
      `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${title}</td><td>${retryable ? 'may succeed later as it is' : 'needs a change'}</td></tr>`,
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>DevForge errors</title><h1>Errors</h1><table><tr><th>Code</th><th>Status</th><th>Meaning</th><th>The same request</th></tr>${rows.join('')}</table></html>`;
}
