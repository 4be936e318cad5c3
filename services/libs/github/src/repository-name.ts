/** The two parts of a `full_name`, as the parameters of `/repos/{owner}/{repo}` routes. */
export function ownerAndRepo(fullName: string): Readonly<{ owner: string; repo: string }> {
  const [owner = '', repo = ''] = fullName.split('/');
  return { owner, repo };
}
