/** Labels on everything that DevForge makes at the engine. */
export const LABEL_ID = 'devforge.id';
export const LABEL_ROLE = 'devforge.role';
export const LABEL_MANAGED = 'devforge.managed';

/** Of the program of the egress gateway. */
export const LABEL_GATEWAY_VERSION = 'devforge.gateway-version';

export type Role = 'workspace' | 'git-agent' | 'home-carrier' | 'image' | 'network' | 'gateway' | 'package-rules';
