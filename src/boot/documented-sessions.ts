import type { OpenAPIObject } from '@nestjs/swagger';

interface Operation {
  security?: Record<string, string[]>[];
}

/** Adds the session of a browser, as the other way in, to every operation that takes a bearer token. */
export function documentSessions(document: OpenAPIObject): void {
  for (const item of Object.values(document.paths)) {
    for (const [method, operation] of Object.entries(item as Record<string, Operation>)) {
      const session = { session: [], ...(method === 'get' ? {} : { csrfToken: [] }) };
      // The operations of a controller share the list that its decorator has made.
      if (operation.security !== undefined) operation.security = [...operation.security, session];
    }
  }
}
