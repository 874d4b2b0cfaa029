// An authorization server that is not ours: oidc-provider, for one resource with three scopes.
// It registers clients by itself (RFC 7591) or from their metadata documents, demands PKCE, binds tokens to the
// resource (RFC 8707), and asks for a second factor whenever mcp:admin is requested.
//
//     node authorization-server.mjs PORT RESOURCE METADATA_DOCUMENT
//
// METADATA_DOCUMENT is JSON: the document of a client, whose client_id is the URL at which the web would have it.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { Provider, errors, interactionPolicy } from 'oidc-provider';

const [port, resource, text] = process.argv.slice(2);
const metadataDocument = JSON.parse(text);
const issuer = `http://127.0.0.1:${port}`;
const admin = 'mcp:admin';
const scopes = ['mcp:read', 'mcp:write', admin];

const { Check, base } = interactionPolicy;
const policy = base();
policy.get('login').checks.add(
  new Check('second_factor', 'a second factor is required', (ctx) => {
    const wanted = ctx.oidc.requestParamScopes.has(admin);
    return wanted && !ctx.oidc.session.amr?.includes('mfa') ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT;
  }),
);

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const provider = new Provider(issuer, {
  jwks: { keys: [{ ...key, kid: 'first', use: 'sig', alg: 'RS256' }] },
  cookies: { keys: [randomBytes(32)] },
  scopes: ['openid', 'offline_access', ...scopes],
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  extraTokenClaims: ({ oidc }) => ({ amr: (oidc.entities.AuthorizationCode ?? oidc.entities.RefreshToken)?.amr }),
  interactions: { policy, url: (_, { uid }) => `/interaction/${uid}` },
  pkce: { required: () => true },
  ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 300, AuthorizationCode: 60 },
  // A client registers with the scopes of its first challenge; it would be held to them when it steps up.
  extraClientMetadata: {
    properties: ['mcp_scope'],
    validator: (_, name, value, metadata) => void (metadata.scope = ['openid', 'offline_access', ...scopes].join(' ')),
  },
  fetch: async (url, options) =>
    String(url) === metadataDocument.client_id ? Response.json(metadataDocument) : fetch(url, options),
  features: {
    clientIdMetadataDocument: { enabled: true, ack: 'draft-02' },
    devInteractions: { enabled: false },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo(_, indicator) {
        if (indicator !== resource) throw new errors.InvalidTarget();
        return { scope: scopes.join(' '), audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };
      },
    },
  },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  const interaction = await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.method === 'GET') ctx.body = page(interaction.prompt);
  else await provider.interactionFinished(ctx.req, ctx.res, await answer(interaction, await form(ctx.req)));
});

function page({ name, reasons }) {
  const fields = [];
  if (name === 'login') fields.push('username', 'password');
  if (reasons.includes('second_factor')) fields.push('otp');
  const inputs = fields.map((field) => `<input name="${field}">`).join('');
  return `<!doctype html><title>${name}</title><form method="post">${inputs}<button>Continue</button></form>`;
}

async function answer({ prompt, params, session, grantId }, given) {
  if (prompt.name === 'login') {
    if (given.get('username') !== 'alice' || given.get('password') !== 'correct horse') return denied('wrong password');
    const strong = given.get('otp') === '123456';
    if (prompt.reasons.includes('second_factor') && !strong) return denied('wrong code');
    return { login: { accountId: 'alice', amr: strong ? ['pwd', 'mfa'] : ['pwd'] } };
  }
  const grant = (grantId && (await provider.Grant.find(grantId))) ||
    new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const { missingOIDCScope = [], missingResourceScopes = {} } = prompt.details;
  grant.addOIDCScope(missingOIDCScope.join(' '));
  for (const [indicator, missing] of Object.entries(missingResourceScopes)) {
    grant.addResourceScope(indicator, missing.join(' '));
  }
  return { consent: { grantId: await grant.save() } };
}

function denied(description) {
  return { error: 'access_denied', error_description: description };
}

async function form(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return new URLSearchParams(text);
}

provider.listen(Number(port), '127.0.0.1');
