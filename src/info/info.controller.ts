import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { readFileSync } from 'node:fs';
import { withTimeout } from '../common/concurrency/with-timeout.js';
import { LIMITS } from '../common/limits.js';
import { EngineMonitor } from '../drivers/engine-monitor.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import { MachineLimits } from '../workspace/machine-limits.js';
import { InfoDto } from './info.dto.js';
import { Requires } from '../auth/requires.js';

const ENGINE_TIMEOUT_MS = 1_000;
const MANIFEST = new URL('../../package.json', import.meta.url);

@ApiTags('info')
@ApiBearerAuth()
@Controller('api/info')
export class InfoController {
  private readonly version = (JSON.parse(readFileSync(MANIFEST, 'utf8')) as { version: string }).version;

  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly monitor: EngineMonitor,
    private readonly machine: MachineLimits,
  ) {}

  @Get()
  @Requires('info:read')
  @ApiOperation({
    summary: 'Version, engine, capabilities and limits',
    description: 'Answers while the engine is unavailable as well, with null for its version.',
  })
  @ApiResponse({ status: 200, type: InfoDto, description: 'What this DevForge is and offers' })
  async get(): Promise<InfoDto> {
    const [known, ranges] = await Promise.all([
      withTimeout(this.monitor.info(), ENGINE_TIMEOUT_MS).catch(() => null),
      this.machine.ranges(),
    ]);
    const { kind, capabilities } = this.driver;
    const engine = { kind, name: known?.name ?? null, version: known?.version ?? null };
    return { version: this.version, engine, capabilities, limits: { ...LIMITS, ...ranges } };
  }
}
