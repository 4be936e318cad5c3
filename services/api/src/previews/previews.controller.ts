import { Controller, Inject } from '@nestjs/common';
import { Access, Input, Operation, type InputOf, type OutputOf } from '../http/operation';
import type { TenantAccess } from '../http/request-context';
import { ManagePreviews } from './manage-previews';

@Controller()
export class PreviewsController {
  constructor(@Inject(ManagePreviews) private readonly previews: ManagePreviews) {}

  @Operation('listPreviews')
  listPreviews(@Access() { tenant }: TenantAccess): Promise<OutputOf<'listPreviews'>> {
    return this.previews.list(tenant);
  }

  @Operation('endPreview')
  endPreview(@Access() { tenant, actor }: TenantAccess, @Input() { params }: InputOf<'endPreview'>): Promise<void> {
    return this.previews.end(tenant, actor, params.preview);
  }

  @Operation('prolongPreview')
  prolongPreview(
    @Access() { tenant, actor }: TenantAccess,
    @Input() { params, body }: InputOf<'prolongPreview'>,
  ): Promise<OutputOf<'prolongPreview'>> {
    return this.previews.prolong(tenant, actor, params.preview, body.days);
  }

  @Operation('setPreviewPassword')
  setPreviewPassword(
    @Access() { tenant, actor }: TenantAccess,
    @Input() { params }: InputOf<'setPreviewPassword'>,
  ): Promise<OutputOf<'setPreviewPassword'>> {
    return this.previews.setPassword(tenant, actor, params.preview);
  }

  @Operation('removePreviewPassword')
  removePreviewPassword(
    @Access() { tenant, actor }: TenantAccess,
    @Input() { params }: InputOf<'removePreviewPassword'>,
  ): Promise<void> {
    return this.previews.removePassword(tenant, actor, params.preview);
  }
}
