import type { Head, Source, SourceAccess, SourceRepository } from './source';

/** Each repository's own source. */
export class ChosenSource implements Source {
  constructor(private readonly sources: Readonly<{ builtin: Source; github: Source }>) {}

  head(repository: SourceRepository, ref: string, token: string): Promise<Head | null> {
    return this.of(repository).head(repository, ref, token);
  }

  access(repository: SourceRepository, token: string): Promise<SourceAccess> {
    return this.of(repository).access(repository, token);
  }

  private of(repository: SourceRepository): Source {
    return repository.github ? this.sources.github : this.sources.builtin;
  }
}
