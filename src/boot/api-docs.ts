import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

/** The OpenAPI description of every route of the application. */
export function createApiDocument(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('DevForge')
    .setDescription('Docker dev containers with Claude Code and VS Code inside.')
    .setVersion('1')
    // The token is opaque; `addBearerAuth` would call it a JWT.
    .addSecurity('bearer', { type: 'http', scheme: 'bearer', description: 'The administrator token.' })
    .build();
  return SwaggerModule.createDocument(app, config);
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
