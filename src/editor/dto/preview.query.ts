import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';

const HOSTS = ['localhost'] as const;

export class PreviewQuery {
  @ApiPropertyOptional({
    enum: HOSTS,
    description:
      'Ask the program as `localhost`: for one that refuses every other host name. `Host`, `Origin` and `Referer` are changed, and redirects lead back. It lasts as long as the browser is signed in.',
  })
  @IsOptional()
  @IsIn(HOSTS)
  host?: (typeof HOSTS)[number];
}
