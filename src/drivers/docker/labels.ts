/** Labels on everything that DevForge makes at the engine. */
export const LABEL_ID = 'devforge.id';
export const LABEL_ROLE = 'devforge.role';
export const LABEL_MANAGED = 'devforge.managed';

/** Of an image that DevForge's programs were laid over: the workspace image that they come from. */
export const LABEL_PROGRAMS_OF = 'devforge.programs-of';

/** Of the program of the egress gateway. */
export const LABEL_GATEWAY_VERSION = 'devforge.gateway-version';

/** Id of the snapshot that a volume is, or that a container copies. */
export const LABEL_SNAPSHOT = 'devforge.snapshot';

export type Role =
  | 'workspace'
  | 'snapshot'
  | 'git-agent'
  | 'home-carrier'
  | 'image'
  | 'network'
  | 'gateway'
  | 'package-rules'
  | 'image-check';
