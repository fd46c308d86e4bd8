import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { documentErrors } from './documented-errors.js';
import { documentSessions } from './documented-sessions.js';
import { documentPathParameters } from './documented-parameters.js';

const DESCRIPTION = `Docker dev containers with Claude Code and VS Code inside.

Every failing call answers \`application/problem+json\` with a stable \`code\`: see [all errors](/docs/errors). Live data and
terminals are on [Socket.io](/docs/sockets). JSON bodies have 1 MB at most; properties that are not listed here are refused.`;

/** The OpenAPI description of every route of the application. */
export function createApiDocument(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('DevForge')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    // The token is opaque; `addBearerAuth` would call it a JWT.
    .addSecurity('bearer', { type: 'http', scheme: 'bearer', description: 'The administrator token, or an API key.' })
    .addSecurity('session', {
      type: 'apiKey',
      in: 'cookie',
      name: 'devforge_session',
      description: 'The cookie of a signed-in browser; with https its name begins with `__Host-`.',
    })
    .addSecurity('csrfToken', {
      type: 'apiKey',
      in: 'header',
      name: 'X-CSRF-Token',
      description: 'The csrfToken of the session, for what changes something.',
    })
    .build();
  const document = SwaggerModule.createDocument(app, config);
  documentSessions(document);
  documentPathParameters(document);
  documentErrors(document);
  return document;
}

/** The same description without starting anything: no provider is instantiated, no database or engine is needed. */
export async function describeApi(module: Type): Promise<OpenAPIObject> {
  const app = await NestFactory.create(module, { preview: true, logger: false, abortOnError: false });
  try {
    return createApiDocument(app);
  } finally {
    await app.close();
  }
}
