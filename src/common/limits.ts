const MIB = 1024 * 1024;

/** What a container gets when nothing else is asked for: cores, and MiB. */
export const DEFAULT_LIMITS = { cpuLimit: 2, memoryLimit: 2_048, diskLimit: 10_240 } as const;

/** Bounds of what a client may ask for, published by `GET /api/info`; the machine of the engine lowers some of them. */
export const LIMITS = {
  /** Cores. */
  cpuLimit: { min: 0.1, max: 256 },
  /** MiB. */
  memoryLimit: { min: 128, max: 1_048_576 },
  /** MiB. */
  diskLimit: { min: 256, max: 16_777_216 },
  jsonBodyBytes: MIB,
  promptBytes: 200_000,
  /** 90 days. */
  stopAfterMinutes: 90 * 24 * 60,
  instructionTimeoutSeconds: 7 * 24 * 60 * 60,
  execTimeoutSeconds: 60 * 60,
  execOutputBytes: 8 * MIB,
  logTail: 10_000,
  /** Of one `terminal:input`. */
  terminalInputCharacters: MIB,
  /** Enforced by the terminal program in the workspace image. */
  terminalsPerContainer: 20,
} as const;

/** Of a request, and of the response of a site: four times Node's own limit, since applications have large cookies and policies. */
export const MAX_HEADER_BYTES = 64 * 1024;
