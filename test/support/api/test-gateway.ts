/**
 * The name of the egress gateway that servers under test share. `npm test` and `npm run bench` remove it in the end
 * (scripts/lib/test-gateway.mjs).
 */
export const TEST_GATEWAY = process.env['DEVFORGE_TEST_GATEWAY'] ?? 'devforge-test-gateway';
