import '@nestjs/core';
import type { Type } from '@nestjs/common';

/** The root module. Jest can load the CommonJS packages that it imports only once Nest itself is loaded. */
export async function appModule(): Promise<Type> {
  return (await import('../../src/app.module.js')).AppModule;
}
