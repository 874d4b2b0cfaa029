// The official TypeScript client, which somebody else is the person for: it prints where to authorize, one JSON line
// each, and reads where the browser was sent back to.
//
//     node client.mjs URL legacy|auto METADATA_URL TOOL...
//
// With an empty METADATA_URL the client registers itself.

import { createInterface } from 'node:readline';
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';

const [url, mode, metadataUrl, ...tools] = process.argv.slice(2);
const redirectUrl = 'http://127.0.0.1:8765/callback';
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const tell = (event) => console.log(JSON.stringify(event));

class Memory {
  redirectUrl = redirectUrl;
  clientMetadataUrl = metadataUrl || undefined;
  clientMetadata = {
    client_name: 'Official TypeScript client',
    redirect_uris: [redirectUrl],
    application_type: 'native',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
  clientInformation = () => this.information;
  saveClientInformation = (information) => void (this.information = information);
  tokens = () => this.saved;
  saveTokens = (tokens) => void (this.saved = tokens);
  codeVerifier = () => this.verifier;
  saveCodeVerifier = (verifier) => void (this.verifier = verifier);
  discoveryState = () => this.discovered;
  saveDiscoveryState = (state) => void (this.discovered = state);
  redirectToAuthorization = (location) => tell({ authorize: location.href });
}

const memory = new Memory();
let transport;
let client;

async function connect() {
  transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: memory });
  client = new Client({ name: 'clients', version: '1.0.0' }, { versionNegotiation: { mode } });
  await client.connect(transport);
}

// The client throws once it has sent the person away; after the person is back, what it was about to do is done again.
async function authorized(action) {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    const { value: callback } = await lines.next();
    await transport.finishAuth(new URL(callback).searchParams);
    return await action();
  }
}

await authorized(connect);
for (const name of tools) {
  const tool = JSON.parse(name);
  const result = await authorized(() => client.callTool(tool));
  tell({ called: tool.name, failed: result.isError === true, scope: memory.saved.scope });
}
await client.close();
process.exit(0);
