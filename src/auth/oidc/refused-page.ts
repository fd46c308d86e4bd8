import type { Response } from 'express';
import type { DomainError } from '../../common/errors/domain-error.js';
import { ERROR_CODES } from '../../common/errors/error-codes.js';
import { escapeHtml, renderPage } from '../../http/page.js';

/** Tells a person why the sign-in by the provider failed. */
export function sendRefusedPage(response: Response, { code, message, retryAfterSeconds }: DomainError): void {
  const { html, headers } = renderPage({
    title: 'Not signed in',
    body: `<h1>Not signed in</h1>
<p role="alert">${escapeHtml(message)}</p>
<p><a class="action" href="/sign-in">Back to the sign-in</a></p>`,
    frameAncestors: "'none'",
  });
  if (retryAfterSeconds !== undefined) response.set('Retry-After', String(retryAfterSeconds));
  response.status(ERROR_CODES[code].status).set(headers).send(html);
}
