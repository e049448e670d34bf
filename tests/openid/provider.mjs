// A certified OpenID provider (github.com/panva/node-oidc-provider) with one
// client and the people of a JSON file, read anew for every question:
//   node provider.mjs PORT CALLBACK PEOPLE.json
// PEOPLE.json: {"LOGIN": {"groups": ["…"]}}. Whoever is not in it is not there.
import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const [port, callback, people] = process.argv.slice(2);

function person(login) {
  const known = JSON.parse(readFileSync(people, 'utf8'))[login];
  if (!known) return undefined;
  const claims = { sub: login, preferred_username: login, groups: known.groups };
  return { accountId: login, claims: async () => claims };
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'wharf',
    client_secret: 'the secret of wharf',
    redirect_uris: [callback],
    grant_types: ['authorization_code', 'refresh_token'],
  }],
  pkce: { required: () => true },
  scopes: ['openid', 'offline_access', 'profile'],
  claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
  findAccount: (_, id) => person(id),
  issueRefreshToken: async () => true,
  ttl: { IdToken: 86400 },
  features: { devInteractions: { enabled: true } },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
