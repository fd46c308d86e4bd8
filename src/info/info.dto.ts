import { ApiProperty } from '@nestjs/swagger';

const ENGINE_KINDS = ['docker', 'kubernetes'] as const;

class EngineDto {
  @ApiProperty({ enum: ENGINE_KINDS, description: 'What runs the containers.' })
  kind: (typeof ENGINE_KINDS)[number];

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The product: Docker or Podman. null while the engine does not answer.',
    example: 'Docker',
  })
  name: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'null while the engine does not answer.' })
  version: string | null;
}

class CapabilitiesDto {
  @ApiProperty({ description: 'The engine can pause containers.' }) pause: boolean;
  @ApiProperty({ description: 'The state of a container can be saved and restored.' }) snapshot: boolean;
  @ApiProperty({ description: 'The engine itself enforces diskLimit.' }) hardDiskLimit: boolean;
  @ApiProperty({ description: 'Outgoing connections of containers can be restricted.' }) fence: boolean;
  @ApiProperty({ description: 'The engine enforces cpuLimit, memoryLimit and the limit of processes.' })
  resourceLimits: boolean;
  @ApiProperty({ description: 'Containers can be made of images that are named on create (image).' })
  customImages: boolean;
}

class RangeDto {
  @ApiProperty() min: number;
  @ApiProperty() max: number;
}

class LimitsDto {
  @ApiProperty({ type: RangeDto, description: 'Cores. No more than the machine of the engine has.' })
  cpuLimit: RangeDto;
  @ApiProperty({ type: RangeDto, description: 'MiB. No more than the machine of the engine has.' })
  memoryLimit: RangeDto;
  @ApiProperty({ type: RangeDto, description: 'MiB.' }) diskLimit: RangeDto;
  @ApiProperty({ type: 'integer', description: 'The largest JSON body; uploads of files are not limited.' })
  jsonBodyBytes: number;
  @ApiProperty({ type: 'integer', description: 'The longest prompt, in UTF-8.' }) promptBytes: number;
  @ApiProperty({ type: 'integer', description: 'The most of idleStopMinutes and ttlMinutes.' })
  stopAfterMinutes: number;
  @ApiProperty({ type: 'integer' }) instructionTimeoutSeconds: number;
  @ApiProperty({ type: 'integer' }) execTimeoutSeconds: number;
  @ApiProperty({ type: 'integer', description: 'Of each output stream of a command.' }) execOutputBytes: number;
  @ApiProperty({ type: 'integer', description: 'Lines of a log in one response.' }) logTail: number;
  @ApiProperty({ type: 'integer', description: 'Characters of one terminal:input.' }) terminalInputCharacters: number;
  @ApiProperty({ type: 'integer', description: 'Open terminals of one container.' }) terminalsPerContainer: number;
}

/** What this DevForge is, what its engine can do, and what clients may ask for. */
export class InfoDto {
  @ApiProperty({ description: "DevForge's version.", example: '0.2.0' }) version: string;
  @ApiProperty({ type: EngineDto }) engine: EngineDto;
  @ApiProperty({ type: CapabilitiesDto }) capabilities: CapabilitiesDto;
  @ApiProperty({ type: LimitsDto }) limits: LimitsDto;
}
