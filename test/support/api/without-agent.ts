import type { Container } from './types.js';

/** What the database keeps of a container; its agent is seen in the container, and unknown while nothing can be seen. */
export function withoutAgent({ agent: _seen, ...kept }: Container): Omit<Container, 'agent'> {
  return kept;
}
