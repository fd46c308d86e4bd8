import type { NestExpressApplication } from '@nestjs/platform-express';
import { SwaggerModule } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { errorsPage } from '../http/errors-page.js';
import { createApiDocument } from './api-docs.js';
import { socketsPage } from './sockets-page.js';

/**
 * Keeps the token for the tab, and no longer, so that a reload of the page does not ask for it again. Swagger UI itself could
 * keep it for the whole browser only.
 */
const KEEP_TOKEN = `
window.addEventListener('load', () => {
  const key = 'devforge.authorized';
  const kept = sessionStorage.getItem(key);
  if (kept) ui.authActions.restoreAuthorization({ authorized: JSON.parse(kept) });
  ui.getStore().subscribe(() => {
    const authorized = ui.authSelectors.authorized();
    if (authorized) sessionStorage.setItem(key, JSON.stringify(authorized));
  });
});`;

/** Serves the API documentation: the routes with their OpenAPI document, the errors, and the sockets. */
export function setupDocs(app: NestExpressApplication): void {
  app.use('/docs/errors', (_: Request, response: Response) => response.type('html').send(errorsPage()));
  app.use('/docs/sockets', (request: Request, response: Response) =>
    response.type('html').send(socketsPage(`${request.protocol}://${request.host}`)),
  );
  SwaggerModule.setup('docs', app, () => createApiDocument(app), {
    jsonDocumentUrl: 'docs/openapi.json',
    customSiteTitle: 'DevForge API',
    customJsStr: KEEP_TOKEN,
  });
}
