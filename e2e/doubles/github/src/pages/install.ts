import { install } from '../scenario/apps';
import type { AccountState, AppState } from '../world/types';
import { button, escaped, form, html, missing, redirect, signInPage, type PageAnswer, type PageCall } from './html';

/** `/apps/<slug>/installations/new`: where the person may install, all repositories or some. */
export function installPage(call: PageCall, slug: string): PageAnswer {
  const { double, request, fields } = call;
  const { world } = double;
  const app = world.apps.values().find((one) => one.slug === slug);
  if (app === undefined) return missing();
  if (world.signedInId === null) return signInPage(call);
  const person = world.accountById(world.signedInId);
  const isOpen = (account: AccountState) => account === person || account.members.get(person.id) === 'admin';
  const accounts = [...world.accounts.values()].filter(isOpen);
  const state = fields.get('state') ?? '';
  if (request.method === 'POST') {
    const account = accounts.find(({ id }) => id === Number(fields.get('account')));
    if (account === undefined) return missing();
    return made(call, app, account, person.id);
  }
  const sections = accounts.map((account) => {
    const own = [...world.repositories.values()].filter((one) => one.ownerId === account.id);
    const boxes = own.map(
      ({ name }) => `<label><input type="checkbox" name="repository" value="${escaped(name)}">${escaped(name)}</label>`,
    );
    const inside = `${boxes.join('')}${button(`Install on ${account.login}`)}`;
    const hint = '<p>All repositories, unless some are chosen.</p>';
    return `<section><h2>${escaped(account.login)}</h2>${hint}${form(request.path, { state, account: String(account.id) }, inside)}</section>`;
  });
  return html(`Install ${app.name}`, sections.join(''));
}

/** Installing where it is installed already changes what it reaches to the choice of now. */
function made(call: PageCall, app: AppState, account: AccountState, userId: number): PageAnswer {
  const { double, fields } = call;
  const chosen = fields.getAll('repository');
  const known = double.world.installations.values().find((one) => one.appId === app.id && one.accountId === account.id);
  const installation = known ?? install(double, app.id, account.id, chosen.length === 0 ? 'all' : chosen, userId);
  const told = {
    installation_id: String(installation.id),
    setup_action: known === undefined ? 'install' : 'update',
    state: fields.get('state') || null,
  };
  if (app.setupUrl !== null) return redirect(app.setupUrl, told);
  return html(`${app.name} is installed`, `<p>Installed on ${escaped(account.login)}.</p>`);
}
