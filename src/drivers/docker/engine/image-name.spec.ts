import { expect, it } from '@jest/globals';
import { familiarName } from './image-name.js';

it.each([
  ['debian:bookworm-slim', 'debian:bookworm-slim'],
  ['docker.io/library/debian:bookworm-slim', 'debian:bookworm-slim'],
  ['docker.io/devforge/workspace-both:1', 'devforge/workspace-both:1'],
  ['localhost/devforge/workspace-both:1', 'devforge/workspace-both:1'],
  ['registry.example/library/debian:1', 'registry.example/library/debian:1'],
  ['localhost:5000/debian:1', 'localhost:5000/debian:1'],
])('shows the image %s as %s', (reference, familiar) => {
  expect(familiarName(reference)).toBe(familiar);
});
