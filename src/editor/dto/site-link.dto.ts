import { ApiProperty } from '@nestjs/swagger';

/** A link for a browser. */
export class SiteLinkDto {
  @ApiProperty({ format: 'uri', description: 'Works once.' }) url: string;
  @ApiProperty({ format: 'date-time', description: 'Until when the link can be opened.' }) expiresAt: string;
}
