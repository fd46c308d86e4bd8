/** Operations of the Docker Engine. The name of every call begins with one of these; the rest names the object. */
export const ENGINE_OPERATIONS = [
  'ping',
  'info',
  'measure volumes',
  'watch events',
  'create container',
  'start container',
  'stop container',
  'pause container',
  'unpause container',
  'remove container',
  'inspect container',
  'list containers',
  'measure container',
  'update container',
  'read container',
  'write container',
  'usage of container',
  'logs of container',
  'exec',
  'open process',
  'inspect image',
  'pull image',
  'build image',
  'remove image',
  'list volumes',
  'inspect volume',
  'create volume',
  'remove volume',
  'list networks',
  'ensure network',
  'remove network',
  'disconnect network',
] as const;
export type EngineOperation = (typeof ENGINE_OPERATIONS)[number];
export type EngineCallName = EngineOperation | `${EngineOperation} ${string}`;

export function operationOf(name: EngineCallName): EngineOperation {
  return ENGINE_OPERATIONS.find((operation) => name === operation || name.startsWith(`${operation} `))!;
}
